import { HaystackError } from "../../../errors.ts";
import type { RunRecord, RunStore } from "../../../services/runs/index.ts";
import type { Machine } from "./machine.ts";
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
  /** The process hears that a mail of the user's run is owed. */
  readonly onOwed: (user: string | null) => void;
  /** The process looks whether it may take up more. */
  readonly onLoads: () => void;
  /** The process is about to release a lease. */
  readonly onRelease: (runId: string, token: number) => void;
}

/**
 * The store as one process sees it: every call goes over its network, and what is written meets the
 * faults of its machine.
 */
export function storeClient(
  store: RunStore,
  { call }: Network,
  { faultOf }: Machine,
  { onKnown, onRefused, onOwed, onLoads, onRelease }: StoreAnswers,
): RunStore {
  const known = (record: RunRecord): void =>
    onKnown({ run_id: record.document.run_id, snapshot: record.snapshot, lease: record.lease });
  const write = <Result>(work: () => Promise<Result>): Promise<Result> =>
    call(() => {
      const fault = faultOf("store");
      if (fault !== undefined) throw fault;
      return work();
    });
  return {
    shared: {
      get: (name) => call(() => store.shared.get(name)),
      replace: (name, revision, value) => write(() => store.shared.replace(name, revision, value)),
    },
    removal: {
      ended: (request) => call(() => store.removal.ended(request)),
      remove: (request) => write(() => store.removal.remove(request)),
      leftovers: (limit) => call(() => store.removal.leftovers(limit)),
      cleared: (runId) => write(() => store.removal.cleared(runId)),
    },
    insert: (document, lease) => write(() => store.insert(document, lease)),
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
      const records = await write(() => store.claim(request));
      records.forEach(known);
      return records;
    },
    setAside: (runId, why) => write(() => store.setAside(runId, why)),
    unsetAside: (runId) => write(() => store.unsetAside(runId)),
    cancelAside: (runId) => write(() => store.cancelAside(runId)),
    setAsides: (limit) => call(() => store.setAsides(limit)),
    raw: (runId) => call(() => store.raw(runId)),
    touch: (now) => write(() => store.touch(now)),
    setPriority: (runId, priority) => write(() => store.setPriority(runId, priority)),
    stuck: (request) => call(() => store.stuck(request)),
    mails: (request) => call(() => store.mails(request)),
    loads(now) {
      onLoads();
      return call(() => store.loads(now));
    },
    usedBy: (user, since) => call(() => store.usedBy(user, since)),
    counts: (now) => call(() => store.counts(now)),
    takeOver: (owner) => write(() => store.takeOver(owner)),
    renew: (owner, leases, expiresAt) => write(() => store.renew(owner, leases, expiresAt)),
    release(leases) {
      for (const { run_id, token } of leases) onRelease(run_id, token);
      return write(() => store.release(leases));
    },
    async commit(commits) {
      const outcomes = await write(() => store.commit(commits));
      outcomes.forEach((outcome, index) => {
        const commit = commits[index];
        if (commit === undefined) return;
        const isOwn =
          outcome.result === "conflict" &&
          outcome.token === commit.expect.token &&
          outcome.revision === commit.expect.revision + 1;
        if (outcome.result === "committed" || isOwn) {
          if (commit.outbox.some(({ state }) => state === "owed"))
            onOwed(commit.document.user_email);
          onKnown({
            run_id: commit.run_id,
            snapshot: commit.snapshot,
            lease: { owner: "", token: commit.expect.token, expires_at: 0 },
          });
        } else if (outcome.result !== "conflict" || outcome.token !== commit.expect.token)
          onRefused(commit.run_id);
      });
      return outcomes;
    },
    deliver: (runId, event) => write(() => store.deliver(runId, event)),
    pending: (owner) => call(() => store.pending(owner)),
    journalPut: (runId, key, value) => write(() => store.journalPut(runId, key, value)),
    journalGet: (runId, key) => call(() => store.journalGet(runId, key)),
    journal: (runId) => call(() => store.journal(runId)),
    close: () => Promise.resolve(),
  };
}
