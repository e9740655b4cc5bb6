import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { combineInstruments, type Instruments } from "../../actors/instruments.ts";
import { HaystackError } from "../../errors.ts";
import { createMetrics } from "../../insight/metrics.ts";
import { readinessOf } from "../../server/insight/readiness.ts";
import type { ServerParts } from "../../server/parts.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { heldProgram } from "../support/held-program.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { memoryRuns } from "../support/memory-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { startTestServer } from "../support/server.ts";
import { startApi } from "./api-harness.ts";

const now = () => Date.now();
const PATIENCE = { timeout: 60_000 };
/** What the public hears of a daemon that is not ready, for whatever reason. */
const NOT_READY = {
  error: "NOT_READY",
  error_type: "upstream",
  message: expect.any(String) as string,
  details: { status: "not_ready" },
};
const metricsOf = (options: Partial<Parameters<typeof createMetrics>[0]> = {}) =>
  createMetrics({
    counts: async () => ({
      by_status: { pending: 3, running: 2, completed: 1, failed: 0, cancelled: 0 },
      unhosted: 1,
      with_events: 4,
      set_aside: 2,
    }),
    live: () => [
      { current_phase: "inference", status: "running", postponed: null },
      { current_phase: "inference", status: "running", postponed: "DISK_FULL" },
      { current_phase: null, status: "completed", postponed: null },
    ],
    owedMails: async () => [{ owed_since: 40_000 }, {}, { owed_since: 90_000 }],
    now: () => 100_000,
    freeBytes: () => 1_000,
    onTrouble: () => undefined,
    ...options,
  });

/** The value of one line, e.g. `haystack_runs{status="pending"}`. */
const valueOf = (text: string, series: string): number =>
  Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1) ?? Number.NaN,
  );

test("docs/operations.md lists exactly the metrics, with their kinds and labels", async () => {
  const { registry } = metricsOf();
  const rows = readFileSync("docs/operations.md", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| haystack_"))
    .map((line) =>
      line
        .split("|")
        .slice(1, 4)
        .map((cell) => cell.trim()),
    );
  const own = registry
    .getMetricsAsArray()
    .filter(({ name }) => name.startsWith("haystack_")) as unknown as {
    readonly name: string;
    readonly constructor: { readonly name: string };
    readonly labelNames: readonly string[];
  }[];
  const documented = rows.toSorted(([a = ""], [b = ""]) => a.localeCompare(b));
  expect(documented).toEqual(
    own
      .map(({ name, constructor, labelNames }) => [
        name,
        constructor.name.toLowerCase(),
        labelNames.join(", "),
      ])
      .toSorted(([a = ""], [b = ""]) => a.localeCompare(b)),
  );
});

test("the numbers follow what runs do", async () => {
  const metrics = metricsOf();
  const usage = { gpu_seconds: 60, gpu_cost_usd: 0.5, llm_tokens: 1_200, llm_cost_usd: 0.25 };
  const effects = scriptedEffects({ now, scores: [4, 8] });
  const { supervisor } = await hostRuns(await temporaryStore(), effects, {
    instruments: metrics.instruments,
    usage: ({ iterations }) => ({ ...usage, gpu_seconds: 60 * iterations.length }),
  });
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  await settled;
  const text = await metrics.registry.metrics();
  const values = {
    'haystack_runs{status="pending"}': 3,
    haystack_runs_unhosted: 1,
    haystack_runs_with_events: 4,
    'haystack_runs_live{phase="inference"}': 2,
    'haystack_runs_live{phase="evaluation"}': 0,
    'haystack_runs_live{phase="none"}': 1,
    'haystack_runs_hosted{status="running"}': 2,
    'haystack_runs_hosted{status="failed"}': 0,
    'haystack_runs_postponed{code="DISK_FULL"}': 1,
    haystack_mails_owed: 3,
    haystack_mails_owed_age_seconds: 60,
    haystack_disk_free_bytes: 1_000,
    'haystack_runs_ended_total{status="completed"}': 1,
    'haystack_step_seconds_count{step="analyze",outcome="ok"}': 1,
    'haystack_step_seconds_count{step="submitJob",outcome="ok"}': 4,
    'haystack_job_attempts_total{outcome="succeeded",provisioning="none"}': 4,
    haystack_gpu_seconds_total: 120,
    haystack_gpu_cost_usd_total: 0.5,
    haystack_model_tokens_total: 1_200,
    haystack_model_cost_usd_total: 0.25,
    'haystack_mails_total{outcome="sent"}': 1,
  };
  expect(
    Object.fromEntries(Object.keys(values).map((series) => [series, valueOf(text, series)])),
  ).toEqual(values);
  expect(valueOf(text, "haystack_commit_seconds_count")).toBeGreaterThan(5);
  expect(valueOf(text, "haystack_commit_seconds_count")).toBe(
    valueOf(text, "haystack_commit_runs_count"),
  );
  expect(valueOf(text, "process_cpu_seconds_total")).toBeGreaterThan(0);
});

test("a daemon's numbers are those of its runs: state, phase, queue, jobs, steps, commits and mails", async () => {
  const { command, next } = await heldProgram();
  const server = await startApi(
    { INFERENCE_COMMAND: command, MAX_ACTIVE_RUNS: "1" },
    { withAtlas: true },
  );
  onTestFinished(() => server.close());
  const root = await server.caller("root@example.org", "admin");
  const numbers = async (...series: readonly string[]) => {
    const text = await (
      await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${root.token}` } })
    ).text();
    return Object.fromEntries(series.map((each) => [each, valueOf(text, each)]));
  };
  const job = next();
  const first = await root.submit({
    config: { control_strategy: "query_as_control", prompt_cells: 20, query_cells: 20 },
  });
  await job;
  await root.submit();
  const working = {
    'haystack_runs{status="running"}': 1,
    'haystack_runs{status="pending"}': 1,
    'haystack_runs_live{phase="inference"}': 1,
    'haystack_step_seconds_count{step="prompt",outcome="ok"}': 1,
  };
  expect(await numbers(...Object.keys(working))).toEqual(working);
  const { haystack_commit_seconds_count: commits = 0, haystack_commit_seconds_sum: seconds } =
    await numbers("haystack_commit_seconds_count", "haystack_commit_seconds_sum");
  expect([commits, seconds]).toEqual([
    expect.toSatisfy((count: number) => count >= 4),
    expect.toSatisfy((sum: number) => sum > 0),
  ]);
  await root.post(`/runs/${first.run_id}/cancel`);
  const cancelled = {
    'haystack_runs{status="cancelled"}': 1,
    'haystack_runs_ended_total{status="cancelled"}': 1,
    'haystack_job_attempts_total{outcome="cancelled",provisioning="none"}': 1,
    'haystack_mails_total{outcome="sent"}': 1,
  };
  await expect.poll(() => numbers(...Object.keys(cancelled)), PATIENCE).toEqual(cancelled);
  expect(
    (await numbers("haystack_commit_seconds_count"))["haystack_commit_seconds_count"],
  ).toBeGreaterThan(commits);
});

test("lost leases are counted among the troubles; a store that fails leaves the other numbers", async () => {
  const troubles: string[] = [];
  const metrics = metricsOf({
    counts: () => Promise.reject(new HaystackError("STORE_UNAVAILABLE", "No answer.")),
    onTrouble: ({ code }) => troubles.push(code),
  });
  for (const code of ["LEASE_LOST", "COMMIT_CONFLICT", "STORE_UNAVAILABLE"] as const)
    metrics.instruments.trouble?.(new HaystackError(code, "It happened."));
  const text = await metrics.registry.metrics();
  expect(valueOf(text, "haystack_leases_lost_total")).toBe(2);
  expect(valueOf(text, 'haystack_troubles_total{code="STORE_UNAVAILABLE"}')).toBe(1);
  expect(text).not.toContain("haystack_runs{");
  expect(troubles).toEqual(["STORE_UNAVAILABLE"]);
});

test("combined, instruments hear the same; a hook that none has is absent", () => {
  const heard: string[] = [];
  const one: Instruments = {
    stepStarted: ({ name }) => (heard.push(`1 ${name}`), () => void heard.push("1 end")),
  };
  const two: Instruments = {
    stepStarted: ({ name }) => (heard.push(`2 ${name}`), () => void heard.push("2 end")),
  };
  const all = combineInstruments([one, {}, two]);
  all.stepStarted?.({ run_id: "r1", name: "analyze", input: null })(null);
  expect(heard).toEqual(["1 analyze", "2 analyze", "1 end", "2 end"]);
  expect(Object.keys(all)).toEqual(["stepStarted"]);
});

const UP = { ok: true, problem: null, milliseconds: expect.any(Number) as number };
const PARTS_UP = { store: UP, objects: UP, job_events: UP };

test("health and numbers over HTTP", async () => {
  const { url, daemon } = await startTestServer();
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`);
    return {
      status: response.status,
      type: response.headers.get("content-type") ?? "",
      text: await response.text(),
    };
  };
  const json = "application/json; charset=utf-8";
  const alive = { status: 200, type: json, text: '{"status":"alive"}' };
  expect(await get("/livez")).toStrictEqual(alive);
  // A part that a busy machine held up for two seconds counts as down until the next look.
  await expect
    .poll(() => get("/readyz"), PATIENCE)
    .toStrictEqual({ status: 200, type: json, text: '{"status":"ready"}' });
  await expect
    .poll(async () => JSON.parse((await get("/admin/readiness")).text) as unknown, PATIENCE)
    .toStrictEqual({ ready: true, draining: false, parts: PARTS_UP });
  await get("/api/v1/runs/none");
  const { status, type, text } = await get("/metrics");
  expect(status).toBe(200);
  expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(
    valueOf(text, 'haystack_http_requests_total{method="GET",route="/livez",status="200"}'),
  ).toBe(1);
  expect(text).toContain('route="/api/v1/runs/:id",status="404"');
  expect(text).not.toContain("/runs/none");
  expect(valueOf(text, 'haystack_runs{status="pending"}')).toBe(0);

  daemon.supervisor.drain(true);
  const drains = await get("/readyz");
  expect([drains.status, JSON.parse(drains.text)]).toEqual([503, NOT_READY]);
  const drained: unknown = JSON.parse((await get("/admin/readiness")).text);
  expect(drained).toStrictEqual({ ready: false, draining: true, parts: expect.any(Object) });
  expect(await get("/livez")).toStrictEqual(alive);
});

test("a store that is gone makes the daemon unready, and only administrators hear why", async () => {
  const { url, daemon } = await startTestServer();
  await daemon.runs.close();
  const response = await fetch(`${url}/readyz`);
  expect([response.status, await response.json()]).toEqual([503, NOT_READY]);
  await expect
    .poll(async () => (await fetch(`${url}/admin/readiness`)).json(), PATIENCE)
    .toStrictEqual({
      ready: false,
      draining: false,
      parts: {
        ...PARTS_UP,
        store: { ...UP, ok: false, problem: expect.stringContaining("run store") as string },
      },
    });
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});

test("a part that does not answer counts as down after two seconds; those who ask within a second hear the same answer", async () => {
  const clock = manualClock(0);
  let looks = 0;
  const supervisor = {
    status: () => ({ draining: false }),
  } as unknown as ServerParts["supervisor"];
  const silent = () => (looks++, new Promise<never>(() => undefined));
  const readiness = readinessOf({
    runs: memoryRuns().open(),
    objects: { putText: silent } as unknown as ServerParts["objects"],
    jobEvents: {},
    supervisor,
    clock,
  });
  const asked = [readiness(), readiness()];
  // The parts that answer have done so before the time goes on.
  await new Promise((resolve) => void setImmediate(resolve));
  clock.advance(999);
  asked.push(readiness());
  clock.advance(1_001);
  for (const answer of await Promise.all(asked))
    expect(answer).toStrictEqual({
      ready: false,
      draining: false,
      parts: {
        ...PARTS_UP,
        objects: { ok: false, problem: "There was no answer within 2 s.", milliseconds: 2_000 },
      },
    });
  expect(looks).toBe(1);
  expect(clock.waiting).toBe(0);
});

test("numbers are for administrators unless configured otherwise; health is for all", async () => {
  const env = { AUTH: "token", ADMINS: "boss@example.org" };
  const server = await startTestServer({ env });
  const asked = async (path: string, token?: string): Promise<number> =>
    (
      await fetch(`${server.url}${path}`, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      })
    ).status;
  const [user, admin] = [
    await server.token("user@example.org"),
    await server.token("boss@example.org", "admin"),
  ];
  for (const path of ["/metrics", "/admin/readiness"])
    expect([await asked(path), await asked(path, user), await asked(path, admin)]).toEqual([
      401, 403, 200,
    ]);
  for (const path of ["/livez", "/readyz"])
    await expect.poll(() => asked(path), PATIENCE).toBe(200);
  const open = await startTestServer({ env: { ...env, METRICS: "public" } });
  expect((await fetch(`${open.url}/metrics`)).status).toBe(200);
  const off = await startTestServer({ env: { METRICS: "off" } });
  expect((await fetch(`${off.url}/metrics`)).status).toBe(404);
});

test.each(["store", "objects"])(
  "a part that only reads is not ready, also later: %s",
  async (part) => {
    const clock = manualClock(0);
    let isFull = false;
    const writes: string[] = [];
    const write = async (to: string): Promise<void> => {
      if (to !== part) return;
      writes.push(to);
      if (isFull) throw new HaystackError("DISK_FULL", "The disk is full; free some space.");
    };
    const readiness = readinessOf({
      runs: { ...memoryRuns().open(), touch: () => write("store") },
      objects: {
        stat: async () => undefined,
        putText: () => write("objects"),
      } as unknown as ServerParts["objects"],
      jobEvents: {},
      supervisor: { status: () => ({ draining: false }) } as unknown as ServerParts["supervisor"],
      clock,
    });
    expect((await readiness()).ready).toBe(true);
    clock.advance(1_000);
    isFull = true;
    expect((await readiness()).ready).toBe(true);
    expect(writes).toHaveLength(1);
    clock.advance(30_000);
    for (let second = 0; second < 3; second++, clock.advance(1_000))
      expect(await readiness()).toMatchObject({
        ready: false,
        parts: { [part]: { ok: false, problem: "The disk is full; free some space." } },
      });
    isFull = false;
    expect((await readiness()).ready).toBe(true);
  },
);

test("the ages of sweep and commit begin anew with each of them", async () => {
  const { registry, instruments } = metricsOf();
  const ages = async () => {
    const text = await registry.metrics();
    return ["haystack_sweep_age_seconds", "haystack_commit_age_seconds"].map((name) =>
      valueOf(text, name),
    );
  };
  const [sweep = 0, commit = 0] = await ages();
  expect(sweep).toBeGreaterThan(0);
  const began = performance.now();
  instruments.swept?.();
  instruments.committed?.({ runs: 1, milliseconds: 1 });
  const after = await ages();
  const most = (performance.now() - began) / 1_000;
  for (const age of after) expect(age).toBeLessThanOrEqual(most);
  expect(Math.min(sweep, commit)).toBeGreaterThan(0);
});
