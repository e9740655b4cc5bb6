import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test, vi } from "vitest";
import {
  openSqliteOperations,
  type SqliteOperations,
} from "../../services/runs/sqlite/operations.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

/**
 * The cost of a statement must not grow with the runs that are stored: SQLite itself says how it
 * would find their rows.
 */

const NOW = 1_800_000_000_000;
const run = (run_id: string) => ({
  run_id,
  status: "pending",
  user_email: "ada@example.org",
  created_at: "2026-01-01T00:00:00.000Z",
  document: "{}",
  lease_owner: null,
  lease_token: 0,
  lease_expires_at: null,
});
const mail = (state: string) => JSON.stringify([{ key: "m1", state }]);
const written = {
  run_id: "r1",
  token: 1,
  document: "{}",
  snapshot: "{}",
  machine: "{}",
  wake_at: null,
  consumed: ["e1"],
  history: '[{"revision":1}]',
};
const anyRun = {
  status: null,
  user_email: null,
  run_ids: null,
  text: null,
  id: null,
  labels: [],
  created_from: null,
  created_until: null,
  failed_with: null,
  limit: 5,
  created_at: null,
  run_id: null,
};
const anyClaim = {
  owner: "one",
  now: NOW,
  expires_at: NOW + 1_000,
  limit: 5,
  run_id: null,
  queued_of: null,
  suspects: null,
};

/** Every operation of the store, in every form that has a statement of its own. */
const CALLS: {
  readonly [
    Name in Exclude<
      keyof SqliteOperations,
      "close" | "faults" | "inOneTransaction" | "emptyLog" | "writes" | "touch"
    >
  ]: (store: SqliteOperations) => void;
} = {
  insert: (store) => void ["r1", "r2"].map((id) => store.insert(run(id))),
  get: (store) => store.get("r1"),
  setPriority: (store) => store.setPriority("r1", 1),
  deliver: (store) => store.deliver("r1", "e1", "{}", NOW),
  loads: (store) => store.loads(NOW, 1_000),
  claim(store) {
    store.claim({ ...anyClaim, run_id: "r1" });
    store.claim(anyClaim);
    store.claim({ ...anyClaim, suspects: false });
    store.claim({ ...anyClaim, suspects: true });
    store.claim({ ...anyClaim, now: NOW + 2_000, queued_of: "ada@example.org" });
  },
  left: (store) => store.left(NOW, NOW * 2, 5),
  wake: (store) => store.wake(["r1"]),
  takeIn: (store) =>
    store.takeIn([
      {
        run_id: "r2",
        status: "failed",
        document: "{}",
        outbox: mail("owed"),
        attention_at: 0,
        history: '[{"revision":0}]',
      },
    ]),
  setAside: (store) => store.setAside("r2", null, "{}"),
  setAsides: (store) => store.setAsides(5),
  cancelAside: (store) => store.cancelAside("r2"),
  unsetAside: (store) => store.unsetAside("r2"),
  raw: (store) => store.raw("r2"),
  pending: (store) => store.pending("one"),
  commit(store) {
    store.commit([
      {
        ...written,
        revision: 0,
        expected_status: "pending",
        status: "running",
        outbox: "[]",
        attention_at: 0,
      },
    ]);
    store.commit([
      {
        ...written,
        revision: 1,
        expected_status: "running",
        status: "running",
        outbox: mail("owed"),
        attention_at: null,
      },
    ]);
    store.commit([
      {
        ...written,
        revision: 7,
        expected_status: "running",
        status: "running",
        outbox: mail("sent"),
        attention_at: null,
      },
    ]);
  },
  renew: (store) => store.renew("one", [{ run_id: "r1", token: 1 }], NOW + 9_000),
  release(store) {
    store.release([{ run_id: "r1", token: 1, attention_at: null }]);
    store.release([{ run_id: "r1", token: 1 }]);
  },
  changes: (store) => store.changes([{ run_id: "r1", revision: -1 }]),
  standings: (store) => store.standings(["r1"]),
  history: (store) => store.history("r1"),
  list(store) {
    for (const filter of [
      {},
      { status: "running" },
      { user_email: "ada@example.org" },
      { text: "B" },
      { id: "r" },
      { labels: [["project", "one"] as const] },
      { created_from: "2026-01-01T00:00:00.000Z", created_until: "2027-01-01T00:00:00.000Z" },
      { created_at: "2027-01-01T00:00:00.000Z", run_id: "r9" },
    ])
      store.list({ ...anyRun, ...filter });
  },
  counts: (store) => store.counts(NOW),
  usedBy: (store) => store.usedBy("ada@example.org", "2026-01-01T00:00:00.000Z"),
  takeOver: (store) => store.takeOver("one"),
  stuck: (store) => store.stuck(NOW, 5),
  outboxesWith: (store) => store.outboxesWith("owed", 5),
  journalPut: (store) => store.journalPut("r1", "k", "1"),
  journalGet: (store) => store.journalGet("r1", "k"),
  journal: (store) => store.journal("r1"),
  sharedGet: (store) => store.sharedGet("money"),
  sharedReplace(store) {
    for (const revision of [0, 1]) store.sharedReplace("money", revision, "[]");
  },
  ended: (store) =>
    store.ended({ ended_before: "2027", unpruned: true, limit: 5, created_at: "", run_id: "" }),
  removeRun(store) {
    store.commit([
      {
        ...written,
        revision: 2,
        token: 1,
        expected_status: "running",
        status: "completed",
        outbox: "[]",
        attention_at: null,
      },
    ]);
    for (const keepsResults of [true, false])
      store.removeRun("r1", keepsResults, NOW + 99_000, "2027");
  },
  leftovers: (store) => store.leftovers(5),
  cleared: (store) => store.cleared("r1"),
};

/**
 * Of these the cost grows with what they count or page through: administrators, metrics and lists
 * of runs ask for two, a submission and a GPU job for what their user has spent this month.
 */
const WHOLE: ReadonlySet<string> = new Set(["counts", "list", "ended", "usedBy"]);

/** Partial indexes hold the runs or events that wait or work, whatever else is stored. */
const PARTIAL =
  /USING (COVERING )?INDEX (runs_claim|runs_owner|runs_outside|runs_queue|runs_queue_order|runs_dispatched|runs_active|runs_left|runs_aside|inbox_waiting)\b/;
const TABLES = /^SCAN (runs|inbox|history|mails|journal|shared)\b/;

async function growingPlans(
  spoil: (db: DatabaseSync) => void = () => undefined,
): Promise<string[]> {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const prepare = vi.spyOn(DatabaseSync.prototype, "prepare");
  const store = openSqliteOperations(file);
  const statements = new Map<string, string>();
  for (const [name, call] of Object.entries(CALLS)) {
    prepare.mockClear();
    call(store);
    for (const [sql] of prepare.mock.calls) statements.set(sql, name);
  }
  store.close();
  prepare.mockRestore();
  const db = new DatabaseSync(file);
  spoil(db);
  const growing = [...statements].flatMap(([sql, name]) => {
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
    return WHOLE.has(name)
      ? []
      : plan
          .filter(({ detail }) => TABLES.test(detail) && !PARTIAL.test(detail))
          .map(({ detail }) => `${name}: ${detail}`);
  });
  db.close();
  expect(statements.size).toBeGreaterThan(Object.keys(CALLS).length);
  return growing;
}

test("no statement of a transition, an event, a look for work or a lease reads all stored runs", async () => {
  expect(await growingPlans()).toEqual([]);
});

test.each([
  ["runs_owner", "takeOver"],
  ["mails_state", "stuck"],
  ["history_revision", "changes"],
])("it is seen without the index %s, for %s", async (index, operation) => {
  expect(
    (await growingPlans((db) => db.exec(`DROP INDEX ${index}`))).map((plan) => plan.split(":")[0]),
  ).toContain(operation);
});
