import { availableParallelism } from "node:os";
import { z } from "zod";
import { whole } from "../forms.ts";

/** How many runs go at once, what predicts on this machine, and the paces of hosting. */
export const hosting = {
  MAX_ACTIVE_RUNS: whole(1, 100_000).default(8).describe("Runs that work at the same time"),
  MAX_ACTIVE_RUNS_PER_USER: whole(1, 100_000)
    .default(4)
    .describe("Runs of one user that work at the same time"),
  MAX_GPU_JOBS: whole(2, 100_000)
    .optional()
    .describe("GPU jobs at the same time; a run has up to two, so half as many runs are admitted"),
  MAX_GPU_JOBS_PER_USER: whole(2, 100_000)
    .optional()
    .describe("GPU jobs of one user at the same time"),
  LOCAL_JOBS: whole(1, 1_000)
    .default(2)
    .describe("Inference jobs at the same time on this machine"),
  COMPUTE_PROCESSES: whole(1, 256)
    .default(Math.max(1, availableParallelism() - 1))
    .describe("Processes for heavy computation"),
  COMPUTE_MINUTES: whole(1, 10_000)
    .default(60)
    .describe(
      "Longest time of one computation, in minutes; the import of a very large atlas may need more",
    ),
  INFERENCE_COMMAND: z
    .string()
    .optional()
    .describe(
      "Program that predicts, with {prompt} {query} {output} {seed}; the built-in baseline when unset",
    ),
  INFERENCE_MODEL: z
    .string()
    .default("stack")
    .describe("Name of the model that INFERENCE_COMMAND runs"),
  RECONCILE_SECONDS: whole(1, 3_600)
    .default(10)
    .describe("Pause between two looks at a waiting job"),
  LEASE_SECONDS: whole(3, 3_600)
    .default(30)
    .describe("How long a run stays with a daemon that no longer answers"),
  POLL_MILLISECONDS: whole(20, 60_000)
    .default(250)
    .describe("Pause between two looks for new runs and events"),
  PASSIVATE_SECONDS: whole(1, 86_400)
    .default(60)
    .describe("A run that waits longer than this leaves memory until its next event or time"),
  GRACE_SECONDS: whole(1, 3_600).default(20).describe("Time to stop cleanly after SIGTERM"),
};
