import { z } from "zod";
import { anyText, listOf, serviceAccount, whole } from "../forms.ts";

/** Runs, and imports of files in a bucket, as CPU jobs on Google Batch. */
export const dispatch = {
  DISPATCH: z
    .enum(["host", "batch"])
    .default("host")
    .describe("Where runs are hosted: in the daemon, or each as a CPU job on Google Batch"),
  DISPATCH_IMAGE: anyText()
    .optional()
    .describe("Container image of the orchestrator for these jobs"),
  DISPATCH_MACHINE_TYPE: anyText().default("e2-standard-4").describe("Machine type of these jobs"),
  DISPATCH_SERVICE_ACCOUNT: serviceAccount().describe(
    "Service account of these jobs, which submit GPU jobs; BATCH_SERVICE_ACCOUNT if unset",
  ),
  DISPATCH_IMPORT_TASKS: whole(1, 1_000)
    .default(4)
    .describe("Number of machines that share the import of a file in a bucket"),
  DISPATCH_SECRETS: listOf(/^[^=\s]+\s*=\s*\S/, "NAME=projects/P/secrets/S/versions/V").describe(
    "Secret Manager versions for these jobs, such as MONGODB_URI=projects/P/secrets/S/versions/V,...",
  ),
  DISPATCH_MAX_JOBS: whole(1, 100)
    .default(5)
    .describe("Number of lost jobs after which the daemon hosts the run itself"),
  DISPATCH_IDLE_SECONDS: whole(0, 86_400)
    .default(300)
    .describe(
      "Seconds for which a run's job waits for GPU jobs; then it ends, and the daemon waits in its place",
    ),
  DISPATCH_WATCH_SECONDS: whole(1, 3_600)
    .default(30)
    .describe("Seconds between checks of a dispatched run"),
};
