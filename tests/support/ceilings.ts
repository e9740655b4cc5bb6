import type { Ceilings } from "../../actors/ceilings.ts";

/** An operator who allows everything. */
export const NO_CEILINGS: Ceilings = {
  MAX_QUEUED_RUNS_PER_USER: Number.POSITIVE_INFINITY,
  MAX_ITERATIONS: Number.POSITIVE_INFINITY,
  MAX_CELLS: Number.POSITIVE_INFINITY,
  MAX_JOB_DEADLINE_SECONDS: Number.POSITIVE_INFINITY,
  MAX_GPU_USD_PER_RUN: Number.POSITIVE_INFINITY,
  MAX_GPU_USD_PER_USER_MONTH: Number.POSITIVE_INFINITY,
};
