import type { Environment } from "./variables.ts";

/** Where inference jobs run. CONTRIBUTING.md says what another place needs. */
export type BatchAdapter = "local" | "google";

export const batchAdapter = ({ BATCH_PROJECT }: Pick<Environment, "BATCH_PROJECT">): BatchAdapter =>
  BATCH_PROJECT === undefined ? "local" : "google";

const ON_BATCH = 4;

/** Where a run does not say: a job on Google Batch pays for its start, one on this machine does not. */
export const promptsPerRound = (
  environment: Pick<Environment, "BATCH_PROJECT" | "PROMPTS_PER_ROUND">,
): number =>
  environment.PROMPTS_PER_ROUND ?? (batchAdapter(environment) === "google" ? ON_BATCH : 1);
