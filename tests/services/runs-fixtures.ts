import { newRun, type RunDocument, type RunStatus } from "../../services/runs/document.ts";
import type { RunCommit, RunRecord, RunStore } from "../../services/runs/index.ts";

/**
 * Several stores on fresh storage; `store` is the first of them. They are closed after the test.
 */
export type OpenSeveral = (count: number) => Promise<{
  readonly stores: readonly RunStore[];
  readonly storage: RunsStorage;
  readonly store: RunStore;
}>;

/** Storage that several stores share. */
export interface RunsStorage {
  /** A further store on the same storage. */
  open(): Promise<RunStore>;
  /** What another program does to a run: it writes the status and nothing else. */
  setStatus(runId: string, status: RunStatus): Promise<void>;
}

export const NOW = 1_800_000_000_000;
export const LEASE_MS = 30_000;

export const USER = "ada@example.org";

export const ids = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `run-${String(index).padStart(4, "0")}`);
export const leased = { owner: "daemon", expires_at: NOW + LEASE_MS };
export const cancelEvent = (id: string) => ({
  id,
  event: { type: "cancel.requested", note: "a.b", $why: 1 },
});

export const sampleRun = (run_id: string, changes: Partial<RunDocument> = {}): RunDocument => ({
  ...newRun({
    run_id,
    query: "How would B cells respond to IFN-beta?",
    user_email: USER,
    config: {},
    random_seed: 7,
    now: NOW,
  }),
  ...changes,
});

/** Inserts runs held by "daemon", some at a time. */
export async function insertLeased(store: RunStore, runIds: readonly string[]): Promise<void> {
  for (let first = 0; first < runIds.length; first += 50)
    await Promise.all(
      runIds.slice(first, first + 50).map((id) => store.insert(sampleRun(id), leased)),
    );
}

/** A commit on revision 0 of a run held under token 1, changed as told. */
export function sampleCommit(run_id: string, changes: Partial<RunCommit> = {}): RunCommit {
  const revision = (changes.expect?.revision ?? 0) + 1;
  return {
    run_id,
    expect: { revision: 0, token: 1, status: "pending" },
    document: sampleRun(run_id),
    snapshot: JSON.stringify({ value: "queued", context: { "a.b": 1, $c: [null, { "": "ü" }] } }),
    machine: { id: "run", version: "1" },
    wake_at: null,
    attention_at: 0,
    consumed: [],
    outbox: [],
    history: [{ revision, at: NOW, actor: "run", event: "tick", from: "queued", to: "queued" }],
    ...changes,
  };
}

/** What stands in the store after `sampleRun` was inserted into the queue. */
export const justInserted = (run_id: string): RunRecord => ({
  document: sampleRun(run_id),
  snapshot: null,
  machine: null,
  revision: 0,
  lease: null,
  wake_at: null,
  inbox: [],
  outbox: [],
  priority: 0,
});

/** What stands in the store after `sampleCommit` on a run that was inserted with `leased`. */
export function onceCommitted(run_id: string): RunRecord {
  const { snapshot, machine } = sampleCommit(run_id);
  const lease = { ...leased, token: 1 };
  return { ...justInserted(run_id), snapshot, machine, revision: 1, lease };
}

/**
 * Every store tries the same compare-and-set at the same moment, again and again.
 * Tells how many writers won in each round that had not exactly one winner.
 */
export async function raceRounds(stores: readonly RunStore[], rounds: number): Promise<number[]> {
  await stores[0]?.insert(sampleRun("contested"), { owner: "all", expires_at: NOW + LEASE_MS });
  const wrong: number[] = [];
  for (let revision = 0; revision < rounds; revision++) {
    const commit = sampleCommit("contested", { expect: { revision, token: 1, status: "pending" } });
    const outcomes = await Promise.all(
      stores.map((store, writer) =>
        store.commit([{ ...commit, snapshot: `{"writer":${writer}}` }]),
      ),
    );
    const winners = outcomes.filter(([outcome]) => outcome?.result === "committed").length;
    if (winners !== 1) wrong.push(winners);
  }
  return wrong;
}

/**
 * The planted fault: a store whose commit never loses: what conflicts is written again over what
 * stands.
 */
export const withoutCompare = (store: RunStore): RunStore => ({
  ...store,
  commit: (commits) =>
    Promise.all(
      commits.map(async (commit) => {
        let { expect } = commit;
        for (;;) {
          const [outcome] = await store.commit([{ ...commit, expect }]);
          if (outcome?.result !== "conflict") return outcome ?? { result: "missing" as const };
          expect = outcome;
        }
      }),
    ),
});
