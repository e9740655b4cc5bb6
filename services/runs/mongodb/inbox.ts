import type { Collection } from "mongodb";
import { HaystackError } from "../../../errors.ts";
import type { RunStore } from "../index.ts";
import { LIMITED, type StoredRun } from "./record.ts";

/**
 * Waiting events that a run holds at most; a further one is refused until its host has consumed
 * some.
 */
const INBOX_LIMIT = 1_000;

/** Stores an event of a run, unless the run knows it. */
export const deliverTo =
  (runs: Collection<StoredRun>): RunStore["deliver"] =>
  async (runId, { id, event }) => {
    const known = { $or: [{ "inbox.id": id }, { consumed: id }] };
    const taken = {
      run_id: runId,
      "inbox.id": { $ne: id },
      consumed: { $ne: id },
      [`inbox.${INBOX_LIMIT - 1}`]: { $exists: false },
    };
    const stored = await runs.findOneAndUpdate(
      taken,
      { $push: { inbox: { id, event: JSON.stringify(event), at: Date.now() } } },
      { ...LIMITED, projection: { run_id: 1 } },
    );
    if (stored !== null) return "stored";
    if (
      (await runs.findOne(
        { run_id: runId, ...known },
        { ...LIMITED, projection: { run_id: 1 } },
      )) !== null
    )
      return "duplicate";
    if ((await runs.findOne({ run_id: runId }, { ...LIMITED, projection: { run_id: 1 } })) === null)
      return "unknown_run";
    throw new HaystackError(
      "STORE_UNAVAILABLE",
      `Run ${runId} has ${INBOX_LIMIT} waiting events; send the event again when some have been processed.`,
    );
  };
