import type { FastifyRequest } from "fastify";
import { HaystackError, runNotFound } from "../../errors.ts";
import type { RunRecord } from "../../services/runs/index.ts";
import { mayTouch } from "../access/ownership.ts";
import { sharedAmong } from "../access/shared.ts";
import type { Identity, ServerParts } from "../parts.ts";

type Parts = Pick<ServerParts, "access" | "runs">;

/** A run that may be changed. Errors: RUN_NOT_FOUND, FORBIDDEN for whom it is shared with. */
export async function findRun(parts: Parts, identity: Identity, runId: string): Promise<RunRecord> {
  const record = await parts.runs.get(runId);
  if (record === undefined) throw runNotFound(runId);
  if (mayTouch(identity, record.document)) return record;
  if (!(await sharedAmong(parts, identity, [runId])).has(runId)) throw runNotFound(runId);
  throw new HaystackError(
    "FORBIDDEN",
    "This run is shared with you to read; only its owner may do this.",
    { details: { run_id: runId } },
  );
}

/**
 * A run that may be read. What is shared may be taken back while it is read: the answer then ends.
 * Errors: RUN_NOT_FOUND.
 */
export async function findReadableRun(
  parts: Parts,
  { identity, sharedRuns }: Pick<FastifyRequest, "identity" | "sharedRuns">,
  runId: string,
): Promise<RunRecord> {
  const record = await parts.runs.get(runId);
  if (record === undefined) throw runNotFound(runId);
  if (mayTouch(identity, record.document)) return record;
  if (!(await sharedAmong(parts, identity, [runId])).has(runId)) throw runNotFound(runId);
  sharedRuns.add(runId);
  return record;
}
