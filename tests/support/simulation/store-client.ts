import { HaystackError } from "../../../errors.ts";
import type { RunRecord, RunStore } from "../../../services/runs/index.ts";
import type { Network } from "./network.ts";

export const storeUnavailable = (): HaystackError =>
  new HaystackError("STORE_UNAVAILABLE", "The simulated store gave no answer.");

export interface StoreAnswers {
  /** The process learns what stands: from a claim, a read or its own acknowledged commit. */
  readonly onKnown: (
    record: Pick<RunRecord, "snapshot" | "lease"> & { readonly run_id: string },
  ) => void;
  /** The process learns that its commit was refused. */
  readonly onRefused: (runId: string) => void;
  /** The process is about to release a lease. */
  readonly onRelease: (runId: string, token: number) => void;
}

/** The store as one process sees it: every call goes over its network. */
export function storeClient(
  store: RunStore,
  { call }: Network,
  { onKnown, onRefused, onRelease }: StoreAnswers,
): RunStore {
  const known = (record: RunRecord): void =>
    onKnown({ run_id: record.document.run_id, snapshot: record.snapshot, lease: record.lease });
  return {
    removal: {
      ended: (request) => call(() => store.removal.ended(request)),
      remove: (request) => call(() => store.removal.remove(request)),
      leftovers: (limit) => call(() => store.removal.leftovers(limit)),
      cleared: (runId) => call(() => store.removal.cleared(runId)),
    },
    insert: (document, lease) => call(() => store.insert(document, lease)),
    async get(runId) {
      const record = await call(() => store.get(runId));
      if (record !== undefined) known(record);
      return record;
    },
    list: (filter) => call(() => store.list(filter)),
    standings: (runIds) => call(() => store.standings(runIds)),
    history: (runId) => call(() => store.history(runId)),
    changes: (since) => call(() => store.changes(since)),
    async claim(request) {
      const records = await call(() => store.claim(request));
      records.forEach(known);
      return records;
    },
    setAside: (runId, why) => call(() => store.setAside(runId, why)),
    unsetAside: (runId) => call(() => store.unsetAside(runId)),
    cancelAside: (runId) => call(() => store.cancelAside(runId)),
    setAsides: (limit) => call(() => store.setAsides(limit)),
    raw: (runId) => call(() => store.raw(runId)),
    touch: (now) => call(() => store.touch(now)),
    setPriority: (runId, priority) => call(() => store.setPriority(runId, priority)),
    stuck: (request) => call(() => store.stuck(request)),
    mails: (request) => call(() => store.mails(request)),
    loads: (now) => call(() => store.loads(now)),
    usedBy: (user, since) => call(() => store.usedBy(user, since)),
    counts: (now) => call(() => store.counts(now)),
    takeOver: (owner) => call(() => store.takeOver(owner)),
    renew: (owner, leases, expiresAt) => call(() => store.renew(owner, leases, expiresAt)),
    release(leases) {
      for (const { run_id, token } of leases) onRelease(run_id, token);
      return call(() => store.release(leases));
    },
    async commit(commits) {
      const outcomes = await call(() => store.commit(commits));
      outcomes.forEach((outcome, index) => {
        const commit = commits[index];
        if (commit === undefined) return;
        const isOwn =
          outcome.result === "conflict" &&
          outcome.token === commit.expect.token &&
          outcome.revision === commit.expect.revision + 1;
        if (outcome.result === "committed" || isOwn)
          onKnown({
            run_id: commit.run_id,
            snapshot: commit.snapshot,
            lease: { owner: "", token: commit.expect.token, expires_at: 0 },
          });
        else if (outcome.result !== "conflict" || outcome.token !== commit.expect.token)
          onRefused(commit.run_id);
      });
      return outcomes;
    },
    deliver: (runId, event) => call(() => store.deliver(runId, event)),
    pending: (owner) => call(() => store.pending(owner)),
    journalPut: (runId, key, value) => call(() => store.journalPut(runId, key, value)),
    journalGet: (runId, key) => call(() => store.journalGet(runId, key)),
    journal: (runId) => call(() => store.journal(runId)),
    close: () => Promise.resolve(),
  };
}
