import { runNotFound } from "../../errors.ts";
import type { RunRecord } from "../../services/runs/index.ts";
import { mayTouch } from "../access/ownership.ts";
import type { Identity, ServerParts } from "../parts.ts";

/** Errors: RUN_NOT_FOUND. */
export async function findRun(
  { runs }: ServerParts,
  identity: Identity,
  runId: string,
): Promise<RunRecord> {
  const record = await runs.get(runId);
  if (record === undefined || !mayTouch(identity, record.document)) throw runNotFound(runId);
  return record;
}
