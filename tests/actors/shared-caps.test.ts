import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Ceilings } from "../../actors/ceilings.ts";
import type { StepPorts } from "../../actors/ports.ts";
import { submitJob } from "../../actors/steps/submit-job.ts";
import type { JobRecord } from "../../machines/run-types.ts";
import { systemClock } from "../../services/clock/system.ts";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { NO_CEILINGS } from "../support/ceilings.ts";
import { runningRun } from "../support/expected-runs.ts";
import { run, temporaryFolder } from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";

/** Each job costs 6 USD at its limit. */
const OFFER = { machine: "m", provisioning: "STANDARD", usd_per_hour: 6 } as const;
const DEADLINE_SECONDS = 3_600;
const ADA = "ada@example.org";
const context = {
  signal: new AbortController().signal,
  quiesce: () => Promise.resolve(),
  resumed: false,
};

const jobOf = (id: string, kind: "prediction" | "control"): JobRecord => ({
  job_id: `hs-${id}-i1-${kind[0]}-a1`,
  iteration: 1,
  kind,
  attempt: 1,
  state: "submitting",
  run_seconds: null,
  offer: null,
  cost_usd: 0,
  failure: null,
  problem: null,
});

/** Writes a run whose jobs stand so, as its host would. */
async function write(
  store: RunStore,
  id: string,
  revision: number,
  jobs: readonly JobRecord[],
  user: string,
): Promise<void> {
  const asked = { ...run(id, { job_deadline_seconds: DEADLINE_SECONDS }), user_email: user };
  if (revision === 0) await store.insert(asked, { owner: "one", expires_at: 1e13 });
  const running = runningRun(asked, "inference");
  const now = new Date(0).toISOString();
  expect(
    await store.commit([
      {
        run_id: id,
        expect: { revision, token: 1, status: revision === 0 ? "pending" : "running" },
        document: { ...running, started_at: now, updated_at: now },
        snapshot: JSON.stringify({ context: { jobs } }),
        machine: { id: "run", version: "2" },
        wake_at: null,
        attention_at: null,
        consumed: [],
        outbox: [],
        history: [],
      },
    ]),
  ).toEqual([{ result: "committed" }]);
}

/** A daemon that begins jobs; the names of those that it began are in `begun`. */
function daemonOf(store: RunStore, ceilings: Partial<Ceilings>, begun: string[]) {
  const submit = submitJob({
    batch: {
      offer: () => OFFER,
      get: async () => undefined,
      async submit({ job_id }: { job_id: string }) {
        begun.push(job_id);
        return { job_id, state: "QUEUED" };
      },
    },
    clock: systemClock,
    reconcileMs: 1_000,
    runs: store,
    ceilings: { ...NO_CEILINGS, ...ceilings },
  } as unknown as StepPorts);
  return async (run_id: string, kind: "prediction" | "control" = "prediction") => {
    const output = await submit(
      {
        job: jobOf(run_id, kind),
        run_id,
        random_seed: 1,
        deadline_seconds: DEADLINE_SECONDS,
        preemptions: 0,
        max_gpu_cost_usd: null,
      },
      context,
    );
    return "problem" in output ? output.problem : null;
  };
}

function capsHold(open: () => Promise<readonly [RunStore, RunStore]>): void {
  const begin = async (
    ids: readonly string[],
    ceilings: Partial<Ceilings>,
    userOf: (index: number) => string = () => ADA,
  ) => {
    const stores = await open();
    const begun: string[] = [];
    const daemons = stores.map((store) => daemonOf(store, ceilings, begun));
    for (const [index, id] of ids.entries())
      await write(stores[0], id, 0, [jobOf(id, "prediction")], userOf(index));
    const problems = await Promise.all(ids.map((id, index) => daemons[index % 2]!(id)));
    return { stores, daemons, begun, problems };
  };
  const RUNS = Array.from({ length: 8 }, (_, index) => `r${index}`);

  test("two daemons that begin jobs at the same moment reserve no more money than there is", async () => {
    const { begun, problems, daemons } = await begin(RUNS, { MAX_GPU_USD_PER_USER_MONTH: 10 });
    // The second is begun where 6 of 10 USD are reserved, the third is not.
    expect(begun).toHaveLength(2);
    const waiting = RUNS.filter((_, index) => problems[index] !== null);
    expect(problems.filter((problem) => problem !== null)).toEqual(
      waiting.map(() => expect.stringContaining("MAX_GPU_USD_PER_USER_MONTH") as string),
    );
    // Whoever asks again for a job that began is given it; nobody else.
    expect(await daemons[1]!(begun[0]!.split("-")[1]!)).toBeNull();
    expect(await daemons[1]!(waiting[0]!)).toContain("10.00 USD");
  });

  test("money of a job that its run knows as ended is free again, over both daemons", async () => {
    const { stores, begun, problems, daemons } = await begin(RUNS, {
      MAX_GPU_USD_PER_USER_MONTH: 6,
    });
    expect(begun).toHaveLength(1);
    const id = begun[0]!.split("-")[1]!;
    await write(stores[1], id, 1, [{ ...jobOf(id, "prediction"), state: "succeeded" }], ADA);
    const next = RUNS.filter((_, index) => problems[index] !== null);
    expect(await Promise.all(next.map((each, index) => daemons[index % 2]!(each)))).toContain(null);
    expect(begun).toHaveLength(2);
  });

  test("two daemons begin as many GPU jobs as there may be, for all and for a user", async () => {
    const userOf = (index: number): string => (index < 6 ? ADA : "bo@example.org");
    const { begun, problems, stores, daemons } = await begin(
      RUNS,
      { MAX_GPU_JOBS: 4, MAX_GPU_JOBS_PER_USER: 3 },
      userOf,
    );
    expect(begun).toHaveLength(4);
    expect(begun.filter((job) => Number(job[4]) < 6).length).toBeLessThanOrEqual(3);
    expect(problems.find((problem) => problem !== null)).toContain("MAX_GPU_JOBS");
    // A second job of a run is one more.
    const [first = ""] = begun.map((job) => job.split("-")[1]!);
    expect(await daemons[0]!(first, "control")).toContain("4 GPU jobs are under way");
    await write(
      stores[0],
      first,
      1,
      [{ ...jobOf(first, "prediction"), state: "succeeded" }, jobOf(first, "control")],
      userOf(RUNS.indexOf(first)),
    );
    expect(await daemons[1]!(first, "control")).toBeNull();
    expect(begun).toHaveLength(5);
  });
}

describe("caps that daemons share on SQLite", () => {
  capsHold(async () => {
    const file = join(await temporaryFolder(), "runs.sqlite");
    const stores = [await openSqliteRuns({ file }), await openSqliteRuns({ file })] as const;
    onTestFinished(async () => void (await Promise.all(stores.map((store) => store.close()))));
    return stores;
  });
});

describeWithMongodb("caps that daemons share on MongoDB", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());

  capsHold(async () => {
    const at = { uri: server.uri, database: `haystack_test_${randomUUID().slice(0, 8)}` };
    const stores = [await openMongoRuns(at), await openMongoRuns(at)] as const;
    onTestFinished(async () => void (await Promise.all(stores.map((store) => store.close()))));
    return stores;
  });
});
