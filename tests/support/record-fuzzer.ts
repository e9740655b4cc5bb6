import { mkdtemp, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MongoClient } from "mongodb";
import { bindRunMachine } from "../../actors/host/bind-run-machine.ts";
import { createInspection } from "../../actors/inspection/inspection.ts";
import { createSupervisor, type Supervisor } from "../../actors/supervisor/supervisor.ts";
import { createCommitFeed } from "../../actors/watch/commit-feed.ts";
import { openObjects } from "../../adapters/objects.ts";
import { loadConfig } from "../../config.ts";
import { createLogger } from "../../insight/logging.ts";
import { createServer } from "../../server/app.ts";
import type { ServerParts } from "../../server/parts.ts";
import { openSqliteAccess } from "../../services/access/sqlite.ts";
import { systemClock } from "../../services/clock/system.ts";
import { inProcessJobEvents } from "../../services/job-events/in-process.ts";
import { newRun, runDocumentSchema, type RunDocument } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { SOFTWARE } from "../../software.ts";
import { mongoWrites, sqliteWrites, type Fields } from "./foreign-writes.ts";
import { scriptedEffects, type ScriptedEffects } from "./scripted-effects.ts";
import { seededRandom, type Random } from "./simulation/random.ts";

/**
 * Random damage of stored runs, by another program, beside healthy ones: the healthy finish, the
 * damaged end or are set aside, and no page answers 5xx. A batch of seeds shares a store and a
 * daemon.
 */

export interface FuzzFailure {
  readonly seeds: readonly number[];
  readonly problem: string;
}

export interface FuzzResult {
  readonly records: number;
  readonly pages: number;
  readonly ended: Readonly<Record<string, number>>;
  readonly failures: readonly FuzzFailure[];
}

interface Place {
  readonly store: RunStore;
  write(runId: string, fields: Fields): Promise<void>;
  insertRaw(fields: Fields): Promise<void>;
  close(): Promise<void>;
}

const HEALTHY = ["healthy-1", "healthy-2"] as const;
const POLL_MS = 20;
const PATIENCE_MS = 30_000;

const PRIVATE = [
  "snapshot",
  "machine",
  "revision",
  "lease",
  "wake_at",
  "attention_at",
  "committed_status",
  "commit_id",
  "outbox",
  "priority",
  "inbox",
  "consumed",
  "history",
  "taking_up",
  "take_ups",
] as const;
const FIELDS: readonly [string, ...string[]] = [
  "run_id",
  ...Object.keys(runDocumentSchema.shape),
  ...PRIVATE,
];

const VALUES: readonly [unknown, ...unknown[]] = [
  undefined,
  null,
  "",
  "text",
  "9".repeat(201),
  "x".repeat(100_000),
  0,
  7,
  -1,
  1.5,
  1e300,
  9_000_000_000_000_000,
  true,
  [],
  [7],
  [[]],
  {},
  { a: 1 },
  { code: "NONE", message: 7 },
  "+010000-01-01T00:00:00.000Z",
  "running",
  "cancelled",
  HEALTHY[0],
  { owner: "nobody", token: 1, expires_at: 9_000_000_000_000_000 },
  [{ key: 1 }],
  [{ id: "e1", event: "{" }],
  '{"value":"analyzing","context":{}}',
  '{"value":7}',
  "[]",
];

const runOf = (run_id: string): RunDocument =>
  newRun({
    run_id,
    query: "How would B cells respond to IFN-beta?",
    user_email: "user@example.org",
    config: {},
    random_seed: 1,
    now: Date.now(),
  });

const KINDS = ["fresh", "raw", "working", "done"] as const;

/** One to three fields, each of another form. */
const damageOf = (random: Random): Fields =>
  Object.fromEntries(
    Array.from({ length: random.between(1, 3) }, () => [random.pick(FIELDS), random.pick(VALUES)]),
  );

async function openPlace(mongodbUri: string | undefined, folder: string): Promise<Place> {
  if (mongodbUri === undefined) {
    const file = join(folder, "runs.sqlite");
    const store = await openSqliteRuns({ file });
    await store.list({});
    const other = new DatabaseSync(file, { timeout: 10_000 });
    return {
      store,
      ...sqliteWrites(other),
      async close() {
        other.close();
        await store.close();
      },
    };
  }
  const database = `haystack_fuzz_${randomUUID().slice(0, 8)}`;
  const store = await openMongoRuns({ uri: mongodbUri, database });
  const other = new MongoClient(mongodbUri);
  const { write, insertRaw } = mongoWrites(other.db(database).collection("runs"));
  /** The id of another run is refused by the unique index. */
  const unlessTaken = (work: Promise<void>): Promise<void> =>
    work.catch((thrown: unknown) => {
      if ((thrown as { readonly code?: unknown }).code !== 11_000) throw thrown;
    });
  /** The server for tests never again changes a document with an empty list in a unique index. */
  const canChange = ({ run_id }: Fields): boolean => !Array.isArray(run_id) || run_id.length > 0;
  return {
    store,
    async write(runId, fields) {
      if (canChange(fields)) await unlessTaken(write(runId, fields));
    },
    async insertRaw(fields) {
      if (canChange(fields)) await unlessTaken(insertRaw(fields));
    },
    async close() {
      await store.close();
      await other.db(database).dropDatabase();
      await other.close();
    },
  };
}

const supervisorOf = (
  store: RunStore,
  effects: ScriptedEffects,
  owner: string,
  onCommitted: Parameters<typeof createSupervisor>[0]["onCommitted"] = () => undefined,
): Supervisor =>
  createSupervisor({
    store,
    machine: bindRunMachine(effects),
    clock: systemClock,
    jobEvents: inProcessJobEvents({ clock: systemClock }),
    mail: { send: async () => undefined, close: async () => undefined },
    composeMail: async (document, { key, kind }) => ({
      key,
      to: document.user_email ?? "",
      subject: kind,
      text: kind,
      html: kind,
    }),
    usage: () => ({ gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 }),
    owner,
    limits: { maxActive: 100, maxActivePerUser: 100 },
    passivateMs: 60_000,
    random: Math.random,
    sweeps: true,
    leaseMs: 2_000,
    pollMs: POLL_MS,
    onTrouble: () => undefined,
    onCommitted,
  });

const scripted = (jobState: "RUNNING" | "SUCCEEDED"): ScriptedEffects =>
  scriptedEffects({
    now: () => Date.now(),
    jobState,
    strategy: "query_as_control",
    scores: [9],
    checkMs: 50,
  });

const until = async (condition: () => Promise<boolean>, ms: number): Promise<boolean> => {
  for (const end = Date.now() + ms; Date.now() < end;) {
    if (await condition()) return true;
    await new Promise<void>((resolve) => systemClock.at(systemClock.now() + POLL_MS, resolve));
  }
  return condition();
};

async function allRuns(store: RunStore): Promise<RunDocument[]> {
  const found: RunDocument[] = [];
  for (let last: RunDocument | undefined; ; last = found.at(-1)) {
    const page = await store.list({ limit: 7, ...(last === undefined ? {} : { before: last }) });
    found.push(...page);
    if (page.length < 7) return found;
    if (found.length > 10_000) throw new Error("The pages of the list do not end.");
  }
}

const PAGES = [
  "/api/v1/runs?all=true&limit=200",
  "/api/v1/runs?all=true&limit=3",
  "/api/v1/runs?all=true&text=B%20cells",
  "/api/v1/runs?all=true&label=a%3Db",
  ...["pending", "running", "completed", "failed", "cancelled"].map(
    (status) => `/api/v1/runs?all=true&status=${status}`,
  ),
  "/admin/stuck?older_than_seconds=1",
  "/admin/supervisor",
  "/admin/quarantine",
  ...["owed", "sent", "rejected"].map((state) => `/admin/outbox?state=${state}`),
];
const pagesOf = (id: string): string[] =>
  [
    `/api/v1/runs/${id}`,
    `/api/v1/runs/${id}/result`,
    `/admin/runs/${id}`,
    `/admin/runs/${id}/history`,
    `/admin/runs/${id}/actors`,
    `/admin/quarantine/${id}/export`,
  ].map((path) => path.replaceAll(id, encodeURIComponent(id)));

/**
 * Damages one run of each seed. `mongodbUri`: on that server, otherwise on SQLite. `planted`: what a
 * faulty store does instead.
 */
export async function fuzzRecords(
  seeds: readonly number[],
  mongodbUri?: string,
  {
    planted = {},
    patienceMs = PATIENCE_MS,
  }: { readonly planted?: Partial<RunStore>; readonly patienceMs?: number } = {},
): Promise<FuzzResult> {
  const folder = await mkdtemp(join(tmpdir(), "haystack-fuzz-"));
  const place = await openPlace(mongodbUri, folder);
  const store = { ...place.store, ...planted };
  const failures: FuzzFailure[] = [];
  const fail = (problem: string): void => void failures.push({ seeds, problem });
  const planned = seeds.map((seed) => {
    const random = seededRandom(seed, "records");
    return { id: `d-${seed}`, kind: random.pick(KINDS), damage: damageOf(random) };
  });
  const opened = new AsyncDisposableStack();
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  opened.defer(() => place.close());
  let pages = 0;
  try {
    const before = scripted("RUNNING");
    const first = supervisorOf(store, before, "before");
    await first.start();
    const working = planned.filter(({ kind }) => kind === "working");
    for (const { id } of working) await first.submit(runOf(id));
    await until(async () => before.jobs.size === working.length, PATIENCE_MS);
    await first.stop();
    for (const id of HEALTHY) await store.insert(runOf(id));
    for (const { id, kind, damage } of planned) {
      const { run_id, query, user_email, status } = runOf(id);
      if (kind === "raw")
        await place.insertRaw(
          Object.fromEntries(
            Object.entries({ run_id, query, user_email, status, ...damage }).filter(
              ([, value]) => value !== undefined,
            ),
          ),
        );
      if (kind === "fresh") await store.insert(runOf(id));
      if (kind === "done")
        await store.insert({ ...runOf(id), status: "completed", current_phase: null });
      if (kind !== "raw") await place.write(id, damage);
    }
    const after = scripted("SUCCEEDED");
    for (const job of before.jobs.keys()) after.jobs.set(job, "SUCCEEDED");
    const commits = createCommitFeed(() => undefined);
    const second = supervisorOf(store, after, "after", commits.publish);
    const access = await openSqliteAccess({ file: join(folder, "access.sqlite") });
    opened.defer(() => access.close());
    const reasons: string[] = [];
    const logger = createLogger({
      level: "error",
      format: "json",
      write: (line) => void reasons.push(line),
    });
    const config = loadConfig({ HTTP_REQUESTS_PER_MINUTE: "100000" }, folder);
    const objects = await openObjects(config);
    opened.defer(() => objects.close());
    const app = await createServer({
      config,
      software: SOFTWARE,
      runs: store,
      objects,
      supervisor: second,
      batch: { notFoundGraceMs: 0, get: async () => undefined },
      commits,
      inspection: createInspection(systemClock, () => undefined),
      access,
      clock: systemClock,
      logger,
      jobEvents: {},
      housekeeping: {},
    } as unknown as ServerParts);
    opened.defer(() => app.close());
    opened.defer(() => second.stop());
    const look = async (path: string): Promise<void> => {
      pages += 1;
      const { statusCode, body } = await app.inject({ url: path, headers: { host: "127.0.0.1" } });
      if (statusCode >= 500)
        fail(
          `${path} answers ${statusCode}: ${reasons.splice(0).join(" ").slice(0, 900)} ${body.slice(0, 100)}`,
        );
    };
    const lookAround = async (): Promise<void> => {
      for (const path of PAGES) await look(path);
      for (const { run_id } of await allRuns(store))
        for (const path of pagesOf(run_id)) await look(path);
    };
    await lookAround();
    await second.start();
    const standing = async (): Promise<readonly RunDocument[]> =>
      (await allRuns(store)).filter(({ status }) => status === "pending" || status === "running");
    const isOver = async (): Promise<boolean> =>
      (await standing()).length === 0 && (await store.loads(Date.now())).length === 0;
    if (!(await until(isOver, patienceMs))) {
      for (const { run_id, status } of await standing())
        fail(
          `${run_id} is left ${status}: ${JSON.stringify(planned.find(({ id }) => id === run_id))?.slice(0, 400)}`,
        );
      const loads = await store.loads(Date.now());
      if (loads.length > 0) fail(`counted and left: ${JSON.stringify(loads)}`);
    }
    for (const id of HEALTHY) {
      const status = (await store.get(id))?.document.status;
      if (status !== "completed") fail(`${id} is ${status}`);
    }
    await lookAround();
    const ended: Record<string, number> = {};
    for (const { run_id, status, error } of await allRuns(store)) {
      if (HEALTHY.some((id) => id === run_id)) continue;
      if (status === "pending" || status === "running")
        fail(
          `${run_id} is ${status} once more: ${JSON.stringify(planned.find(({ id }) => id === run_id))?.slice(0, 400)}`,
        );
      const name = error?.code ?? status;
      ended[name] = (ended[name] ?? 0) + 1;
    }
    return { records: seeds.length, pages, ended, failures };
  } finally {
    await opened.disposeAsync();
  }
}
