import type { Collection, Filter } from "mongodb";
import type { StuckRun, RunMail, RunStore } from "../index.ts";
import { HAS_EVENTS } from "./claim.ts";
import { IS_ASIDE } from "./aside.ts";
import { LIMITED, toRecord, waitingSince, type StoredRun } from "./record.ts";

/** What an operator should look at; index-backed in each branch. */
const stuck = (before: number): Filter<StoredRun> => ({
  $or: [
    { "lease.expires_at": { $lte: before }, attention_at: { $lte: before } },
    { "lease.expires_at": { $gt: before }, status: "cancelled" },
    { "lease.expires_at": { $gte: 0 }, attention_at: { $gt: before }, status: "cancelled" },
    { ...HAS_EVENTS, "inbox.at": { $lte: before } },
    { "outbox.state": "rejected" },
    IS_ASIDE,
  ],
});

export async function stuckRuns(
  runs: Collection<StoredRun>,
  { before, limit }: Parameters<RunStore["stuck"]>[0],
): Promise<StuckRun[]> {
  const found = await runs.find(stuck(before), { ...LIMITED, limit }).toArray();
  return found.map((stored) => ({ record: toRecord(stored), event_since: waitingSince(stored) }));
}

export async function mailsOf(
  runs: Collection<StoredRun>,
  { state, limit }: Parameters<RunStore["mails"]>[0],
): Promise<RunMail[]> {
  const found = await runs.find({ "outbox.state": state }, { ...LIMITED, limit }).toArray();
  return found
    .map(toRecord)
    .flatMap(({ document: { run_id }, outbox }) =>
      outbox.filter((mail) => mail.state === state).map((mail) => ({ run_id, mail })),
    );
}
