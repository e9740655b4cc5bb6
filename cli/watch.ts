import { setTimeout as pause } from "node:timers/promises";
import { HaystackError } from "../errors.ts";
import type { RunDocument } from "../services/runs/document.ts";
import type { RunRecord, RunStore } from "../services/runs/index.ts";

const WATCH_MS = 250;

export async function findRun(store: RunStore, runId: string): Promise<RunRecord> {
  const record = await store.get(runId);
  if (record === undefined) throw new HaystackError("RUN_NOT_FOUND", `There is no run ${runId}; see \`haystack list\`.`);
  return record;
}

/** Follows a run that another process hosts until it rests and has consumed its events. */
export async function watch(store: RunStore, runId: string): Promise<RunDocument> {
  for (;;) {
    const { document, inbox } = await findRun(store, runId);
    const { status, current_phase } = document;
    if (inbox.length === 0 && (status === "completed" || status === "failed" || (status === "cancelled" && current_phase === null))) return document;
    await pause(WATCH_MS);
  }
}
