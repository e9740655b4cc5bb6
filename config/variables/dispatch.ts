import { z } from "zod";
import { listOf, whole } from "../forms.ts";

/** Runs as CPU jobs on Google Batch. */
export const dispatch = {
  DISPATCH: z
    .enum(["host", "batch"])
    .default("host")
    .describe("Host runs in the daemon, or submit each as a CPU job on Google Batch"),
  DISPATCH_IMAGE: z.string().optional().describe("Image of the orchestrator for such jobs"),
  DISPATCH_MACHINE_TYPE: z.string().default("e2-standard-4").describe("Machine of such a job"),
  DISPATCH_SECRETS: listOf(/^[^=\s]+\s*=\s*\S/, "NAME=projects/P/secrets/S/versions/V").describe(
    "Secret Manager versions for such jobs, as MONGODB_URI=projects/P/secrets/S/versions/V,...",
  ),
  DISPATCH_MAX_JOBS: whole(1, 100)
    .default(5)
    .describe("After so many lost jobs of a run the daemon hosts it"),
  DISPATCH_WATCH_SECONDS: whole(1, 3_600)
    .default(30)
    .describe("Pause between two looks at a dispatched run"),
};
