import type { Environment } from "./variables.ts";

/** Where inference jobs run. CONTRIBUTING.md says what another place needs. */
export type BatchAdapter = "local" | "google";

export const batchAdapter = ({ BATCH_PROJECT }: Pick<Environment, "BATCH_PROJECT">): BatchAdapter =>
  BATCH_PROJECT === undefined ? "local" : "google";
