import { runNotFound } from "../errors.ts";
import type { RunRecord, RunStore } from "../services/runs/index.ts";

/** Errors: RUN_NOT_FOUND. */
export async function findRun(store: RunStore, runId: string): Promise<RunRecord> {
  const record = await store.get(runId);
  if (record === undefined) throw runNotFound(runId);
  return record;
}
