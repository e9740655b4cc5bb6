import { HaystackError } from "../../errors.ts";
import type { RunRecord } from "../../services/runs/index.ts";
import { mayTouch } from "../access/ownership.ts";
import type { Identity, ServerParts } from "../parts.ts";

/** An unknown run and another user's run look the same. */
export const runNotFound = (runId: string): HaystackError =>
  new HaystackError(
    "RUN_NOT_FOUND",
    "There is no such run among yours; list the runs to see their ids.",
    { details: { run_id: runId } },
  );

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
