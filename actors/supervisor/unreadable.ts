import { RUN_MACHINE } from "../../machines/run.ts";
import { migrateSnapshot } from "../../machines/versions.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { RunRecord } from "../../services/runs/index.ts";
import { hasEnded, mailDueAt } from "../host/run-record.ts";
import { MAIL_REQUESTED } from "../mail/requested.ts";

/** Runs that another release wrote and this one cannot read (D10). */

function isReadable({ machine, snapshot }: RunRecord): boolean {
  if (snapshot === null || machine === null) return true;
  if (machine.id === RUN_MACHINE.id && machine.version === RUN_MACHINE.version) return true;
  const stored = JSON.parse(snapshot) as object | null;
  return stored === null || migrateSnapshot(machine, stored) !== undefined;
}

/**
 * Whether a claimed run is skipped: released again for a daemon whose version of the machine can
 * read it. One that nobody has moved on for `patienceMs` is hosted, which shows it as failed; one
 * that has ended only when it owes a mail.
 */
export function createUnreadableFilter(
  clock: Clock,
  patienceMs: number,
): (record: RunRecord) => boolean {
  const firstSeen = new Map<string, { readonly revision: number; readonly at: number }>();
  /** Those that others took, as they were not seen again. */
  const pruneSeen = (now: number): void => {
    for (const [runId, { at }] of firstSeen)
      if (now - at >= 2 * patienceMs) firstSeen.delete(runId);
  };
  return (record) => {
    if (isReadable(record)) return false;
    const { revision, inbox, outbox, document } = record;
    const now = clock.now();
    if (hasEnded(document)) {
      return (
        (mailDueAt(outbox) ?? Number.POSITIVE_INFINITY) > now &&
        !inbox.some(({ event }) => event.type === MAIL_REQUESTED)
      );
    }
    const known = firstSeen.get(document.run_id);
    const since = known?.revision === revision ? known.at : now;
    if (known === undefined) pruneSeen(now);
    firstSeen.set(document.run_id, { revision, at: since });
    return now - since < patienceMs;
  };
}
