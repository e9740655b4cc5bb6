import { amount, whole } from "../forms.ts";

/** The most that users may ask for. */
export const ceilings = {
  MAX_QUEUED_RUNS_PER_USER: whole(1, 1_000_000)
    .default(1_000)
    .describe("Maximum number of runs of a user that wait to begin; further ones are refused"),
  MAX_ITERATIONS: whole(1, 20).default(20).describe("Highest max_iterations of a run"),
  MAX_CELLS: whole(10, 100_000)
    .default(20_000)
    .describe("Highest prompt_cells and query_cells of a run"),
  MAX_JOB_DEADLINE_SECONDS: whole(10, 14 * 86_400)
    .default(86_400)
    .describe("Highest job_deadline_seconds of a run"),
  MAX_GPU_USD_PER_RUN: amount()
    .default(100)
    .describe("US dollars after which a run begins no further GPU job, whatever it asks for"),
  MAX_GPU_USD_PER_USER_MONTH: amount()
    .default(1_000)
    .describe(
      "US dollars of GPU jobs, of the runs that a user submitted in a calendar month (UTC), after which further ones are refused and begin no GPU job",
    ),
};
