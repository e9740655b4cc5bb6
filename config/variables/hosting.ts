import { anyText, whole } from "../forms.ts";
import { availableParallelism } from "node:os";

/** How many runs go at once, what predicts on this machine, and the paces of hosting. */
export const hosting = {
  MAX_ACTIVE_RUNS: whole(1, 100_000).default(8).describe("Maximum number of active runs"),
  MAX_ACTIVE_RUNS_PER_USER: whole(1, 100_000)
    .default(4)
    .describe("Maximum number of active runs per user"),
  MAX_GPU_JOBS: whole(1, 100_000)
    .optional()
    .describe(
      "Maximum number of concurrent GPU jobs; as many runs are admitted, and a job waits until it has its place",
    ),
  MAX_GPU_JOBS_PER_USER: whole(1, 100_000)
    .optional()
    .describe("Maximum number of concurrent GPU jobs per user"),
  LOCAL_JOBS: whole(1, 1_000)
    .default(2)
    .describe("Maximum number of concurrent inference jobs on this machine"),
  COMPUTE_PROCESSES: whole(1, 256)
    .default(Math.max(1, availableParallelism() - 1))
    .describe("Number of processes for heavy computation"),
  COMPUTE_MINUTES: whole(1, 10_000)
    .default(60)
    .describe(
      "Time limit of one computation, in minutes; importing a very large atlas may need more",
    ),
  INSPECT_MINUTES: whole(1, 10_000)
    .default(2)
    .describe("Time limit of looking into a file, in minutes"),
  INSPECT_GB: whole(1, 10_000)
    .default(1)
    .describe("Limit of the memory that looking into a file may take, in GB"),
  IMPORT_GB: whole(1, 10_000)
    .default(4)
    .describe(
      "Limit of the memory that importing an atlas may take, in GB; ten million cells may need more",
    ),
  INFERENCE_COMMAND: anyText()
    .optional()
    .describe(
      "Command that predicts, with {prompt} {query} {output} or {manifest}, and {seed}; the built-in baseline if unset",
    ),
  INFERENCE_MODEL: anyText()
    .default("stack")
    .describe("Name of the model that INFERENCE_COMMAND runs"),
  INFERENCE_VERSION: anyText()
    .optional()
    .describe(
      "Your name for the version of the inference program and its weights; runs of a user find each other's predictions only where it is set. Change it with program or weights",
    ),
  REUSE_PREDICTIONS: whole(0, 1_000_000)
    .default(1_000)
    .describe(
      "Maximum number of predictions of a user that later runs find again; 0 makes every prediction anew",
    ),
  PROMPTS_PER_ROUND: whole(1, 8)
    .optional()
    .describe(
      "Prompts that an iteration tries side by side in one job, unless the run says prompts_per_round; if unset 4 on Google Batch, 1 on this machine",
    ),
  RECONCILE_SECONDS: whole(1, 3_600)
    .default(10)
    .describe("Seconds between looks at the jobs that runs wait for"),
  LEASE_SECONDS: whole(3, 3_600)
    .default(30)
    .describe("Seconds until another daemon takes over the runs of one that stopped responding"),
  POLL_MILLISECONDS: whole(20, 60_000)
    .default(250)
    .describe("Milliseconds between checks for new runs and events"),
  PASSIVATE_SECONDS: whole(1, 86_400)
    .default(60)
    .describe(
      "A run that waits longer than this is unloaded from memory until its next event or deadline, unless it waits for a job",
    ),
  GRACE_SECONDS: whole(1, 3_600).default(20).describe("Seconds to shut down cleanly after SIGTERM"),
};
