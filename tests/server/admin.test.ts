import { shownRun } from "../../actors/run-details.ts";
import { expect, test, vi } from "vitest";
import { HaystackError } from "../../errors.ts";
import { traceIdOf } from "../../insight/trace-id.ts";
import { runSummarySchema } from "../../server/runs/schemas.ts";
import { type RunDocument, runConfigSchema } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import type { JobKind } from "../../machines/pair-types.ts";
import { INFERRING, shownJobContext } from "../support/expected-inspection.ts";
import { run } from "../support/hosted-runs.ts";
import { refusal } from "../support/refusals.ts";
import {
  gate,
  startScriptedServer,
  type ScriptedServer,
  type ScriptedServerOptions,
} from "../support/scripted-server.ts";

/**
 * Waiting jobs are not looked at by themselves: what waits goes on waiting however slow the test
 * is.
 */
const NEVER_MS = 24 * 3_600_000;

const ONE_RUN = { max_active: 1, max_active_per_user: 1 };
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;

/** What every answer of the supervisor has, changed as told. */
const supervisorBody = (server: ScriptedServer, changes: Readonly<Record<string, unknown>>) => ({
  software: server.parts.software,
  machine: { id: "run", version: "2" },
  owner: "test",
  admission_paused: false,
  draining: false,
  limits: { max_active: 100, max_active_per_user: 100 },
  live: 0,
  passivated: 0,
  by_status: { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 },
  queues: [],
  hosted: [],
  ...changes,
});

interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- JSON of many forms, judged by the tests
  readonly body: any;
}

async function startAdmin(options: ScriptedServerOptions = {}) {
  const server = await startScriptedServer({
    isPatient: true,
    ...options,
    script: { checkMs: NEVER_MS, ...options.script },
    supervisor: { passivateMs: 2 * NEVER_MS, ...options.supervisor },
    env: { AUTH: "token", ADMINS: "root@example.org", ...options.env },
  });
  const token = await server.token("root@example.org");
  const ask = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  const audit = async (): Promise<string[]> =>
    (await ask("GET", "/admin/audit")).body.entries
      .map(
        ({ who, action, target, outcome }: Record<string, string>) =>
          `${who} ${action} ${target} ${outcome}`,
      )
      .toReversed();
  return {
    ...server,
    get: (path: string) => ask("GET", `/admin${path}`),
    post: (path: string, body?: unknown) => ask("POST", `/admin${path}`, body),
    postAsUser: (path: string, body?: unknown) => ask("POST", `/api/v1${path}`, body),
    audit,
  };
}

/** The entries of finished actions of the administrator. */
const recorded = (...actions: readonly (readonly [string, string])[]): string[] =>
  actions.flatMap(([action, outcome]) => [
    `root@example.org ${action} begun`,
    `root@example.org ${action} ${outcome}`,
  ]);

/** Both jobs of the run have been looked at once and are waited for. */
function awaitsJobs(
  { committed }: Pick<ScriptedServer, "committed">,
  id: string,
): Promise<unknown> {
  const waited = new Set<string>();
  return committed(id, (_, entries) => {
    for (const { actor, from, to } of entries)
      if (from === "checking" && to === "awaiting") waited.add(actor);
    return waited.size === 2;
  });
}

/** Resolves when the next lease has been released. */
function given(runs: RunStore): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const release = runs.release.bind(runs);
  Object.assign(runs, {
    async release(leases: Parameters<RunStore["release"]>[0]) {
      await release(leases);
      resolve();
    },
  });
  return promise;
}

/** Commits a machine state for a run that was just inserted with a lease. */
async function stands(runs: RunStore, document: RunDocument, snapshot: unknown): Promise<void> {
  const [outcome] = await runs.commit([
    {
      run_id: document.run_id,
      expect: { revision: 0, token: 1, status: "running" },
      document,
      snapshot: JSON.stringify(snapshot),
      machine: { id: "run", version: "1" },
      wake_at: null,
      attention_at: null,
      consumed: [],
      outbox: [],
      history: [],
    },
  ]);
  expect(outcome).toEqual({ result: "committed" });
}

test("the supervisor shows its leases, the queue by user, and what is in memory", async () => {
  const server = await startAdmin({
    script: { jobState: "RUNNING" },
    supervisor: { limits: { maxActive: 1, maxActivePerUser: 1 } },
  });
  await server.parts.runs.insert(run("r1"));
  await awaitsJobs(server, "r1");
  await server.parts.runs.insert(run("r2"));
  const { status, body } = await server.get("/supervisor");
  expect(status).toBe(200);
  expect(body).toEqual(
    supervisorBody(server, {
      limits: ONE_RUN,
      live: 1,
      by_status: { pending: 1, running: 1, completed: 0, failed: 0, cancelled: 0 },
      queues: [{ user_email: "user@example.org", active: 1, queued: 1, queued_since: TIME }],
      hosted: [
        {
          run_id: "r1",
          status: "running",
          current_phase: "inference",
          token: 1,
          waiting: true,
          postponed: null,
          lease_expires_at: TIME,
          wake_at: TIME,
        },
      ],
    }),
  );
  expect(Date.parse(body.hosted[0].lease_expires_at)).toBeGreaterThan(Date.now());
});

test("a run is looked into: document, actors with sanitised contexts, lease, history", async () => {
  const server = await startAdmin({ script: { jobState: "RUNNING" } });
  await server.parts.runs.insert({ ...run("r1"), query: "What does SECRET-TEXT do?" });
  await awaitsJobs(server, "r1");
  const { body } = await server.get("/runs/r1");
  const stored = await server.parts.runs.get("r1");
  expect(body).toEqual({
    damage: null,
    set_aside: null,
    run: { ...stored?.document, rests_on: expect.any(Array) as unknown },
    revision: stored?.revision,
    machine: { id: "run", version: "2" },
    lease: { owner: "test", token: 1, expires_at: TIME },
    wake_at: TIME,
    inbox: [],
    outbox: [],
    priority: 0,
    snapshot: (await server.get("/runs/r1/actors")).body.actors,
  });
  expect(body.run.query).toBe("What does SECRET-TEXT do?");
  const {
    body: { actors, revision },
  } = await server.get("/runs/r1/actors");
  expect(revision).toBe(body.revision);
  const waitingJob = (kind: JobKind) => ({
    id: `${kind}Job`,
    source: "inferenceJob",
    status: "active",
    state: "awaiting",
    wake_at: TIME,
    context: shownJobContext(kind),
    children: [],
  });
  expect(actors).toStrictEqual({
    id: "run",
    source: "run",
    status: "active",
    state: { inferring: { separate: { prediction: "predicting", control: "predicting" } } },
    wake_at: null,
    context: INFERRING,
    children: [waitingJob("prediction"), waitingJob("control")],
  });
  expect(actors.children[0].wake_at).toMatch(/^\d{4}-.*Z$/);
  expect(JSON.stringify(actors)).not.toContain("SECRET-TEXT");
  const {
    body: { history },
  } = await server.get("/runs/r1/history");
  expect(history[0]).toEqual({
    revision: 1,
    at: TIME,
    actor: "run",
    from: "queued",
    to: "analyzing",
    event: "run.admitted",
  });
  for (const path of ["/runs/none", "/runs/none/history", "/runs/none/actors"])
    expect(await server.get(path)).toEqual(refusal(404, "RUN_NOT_FOUND", { run_id: "none" }));
});

test("an event is stored when it is answered; only external events are taken, and jobs of the run", async () => {
  const server = await startAdmin({ script: { jobState: "RUNNING" } });
  await server.parts.runs.insert(run("r1"));
  await awaitsJobs(server, "r1");
  server.effects.jobs.set("hs-r1-i1-p-a1", "SUCCEEDED");
  const event = { type: "job.changed", job_id: "hs-r1-i1-p-a1", state: "SUCCEEDED" };
  expect(await server.post("/runs/r1/events", { event, event_id: "hint-1" })).toEqual({
    status: 202,
    body: { run_id: "r1", event_id: "hint-1" },
  });
  expect(await server.parts.runs.deliver("r1", { id: "hint-1", event })).toBe("duplicate");
  await server.committed("r1", (_, entries) =>
    entries.some(({ actor, to }) => actor === "predictionJob" && to === "succeeded"),
  );
  for (const refused of [
    { type: "run.admitted" },
    { type: "clock.ticked", now: 1 },
    { type: "job.recorded", job: {} },
    { type: "xstate.done.actor.output" },
    { ...event, extra: 1 },
    { ...event, job_id: "hs-r2-i1-p-a1" },
  ]) {
    expect(await server.post("/runs/r1/events", { event: refused })).toEqual(
      refusal(400, "USAGE", "state" in refused && !("extra" in refused) ? { run_id: "r1" } : {}),
    );
  }
  expect(await server.post("/runs/none/events", { event })).toEqual(
    refusal(404, "RUN_NOT_FOUND", { run_id: "none" }),
  );
  const cancelled = server.supervisor.settled("r1");
  expect(await server.post("/runs/r1/cancel")).toMatchObject({
    status: 202,
    body: { run_id: "r1", status: "cancelled" },
  });
  expect(await cancelled).toMatchObject({ status: "cancelled" });
  expect(await server.post("/runs/r1/retry")).toEqual(
    refusal(409, "RUN_STATE_FORBIDS", { run_id: "r1" }),
  );
  const entries = (await server.audit()).length;
  const isLast = async (limit: number): Promise<boolean> =>
    (await server.get(`/audit?limit=${limit}`)).body.next === null;
  expect([await isLast(entries - 1), await isLast(entries), await isLast(entries + 1)]).toEqual([
    false,
    true,
    true,
  ]);
  expect(await server.audit()).toEqual(
    recorded(
      ["event job.changed r1", "done"],
      ["event job.changed r1", "USAGE"],
      ["event job.changed none", "RUN_NOT_FOUND"],
      ["cancel r1", "done"],
      ["retry r1", "RUN_STATE_FORBIDS"],
    ),
  );
  for (const late of [event, { type: "retry.requested" }, { type: "cancel.requested" }]) {
    expect(await server.post("/runs/r1/events", { event: late })).toEqual(
      refusal(409, "RUN_STATE_FORBIDS", { run_id: "r1" }),
    );
  }
});

test("what is done to somebody else's run is recorded on every way, what is done to one's own is not", async () => {
  const server = await startAdmin({ script: { jobState: "RUNNING" } });
  for (const [run_id, user_email] of [
    ["r1", "ada@example.org"],
    ["r2", "root@example.org"],
  ] as const) {
    await server.parts.runs.insert({ ...run(run_id), user_email });
    expect(await server.postAsUser(`/runs/${run_id}/cancel`)).toStrictEqual({
      status: 202,
      body: expect.objectContaining({ run_id, user_email }) as object,
    });
  }
  const query = "How would B cells respond to IFN-beta?";
  const { body: theirs } = await server.postAsUser("/runs", {
    query,
    user_email: "ada@example.org",
  });
  expect(await server.postAsUser("/runs", { query })).toStrictEqual({
    status: 201,
    body: shownRun({
      ...run("their-own"),
      config: runConfigSchema.parse({}),
      run_id: expect.any(String) as string,
      user_email: "root@example.org",
      random_seed: expect.any(Number) as number,
      created_at: TIME,
      updated_at: TIME,
    }),
  });
  expect(await server.audit()).toEqual(
    recorded(["cancel r1", "done"], [`submit ${theirs.run_id}`, "done"]),
  );
});

test("what cannot be recorded is not done; what was done stands when its end cannot be recorded", async () => {
  const server = await startAdmin({ script: { jobState: "RUNNING" } });
  await server.parts.runs.insert(run("r1"));
  await awaitsJobs(server, "r1");
  const record = vi
    .spyOn(server.parts.access, "recordAudit")
    .mockRejectedValueOnce(new HaystackError("STORE_UNAVAILABLE", "The audit log is away."));
  expect(await server.post("/runs/r1/cancel")).toEqual(refusal(503, "STORE_UNAVAILABLE"));
  expect((await server.parts.runs.get("r1"))?.inbox).toEqual([]);
  record
    .mockImplementationOnce(() => Promise.resolve())
    .mockRejectedValueOnce(new HaystackError("STORE_UNAVAILABLE", "The audit log is away."));
  const cancelled = server.supervisor.settled("r1");
  expect(await server.post("/runs/r1/cancel")).toMatchObject({
    status: 202,
    body: { run_id: "r1", status: "cancelled" },
  });
  expect(await cancelled).toMatchObject({ status: "cancelled" });
});

test("a waiting run is taken out of memory and brought back; one that works is not", async () => {
  const evaluating = gate();
  const server = await startAdmin({
    script: {
      jobState: "RUNNING",
      before: (effect) => (effect === "evaluate:1" ? evaluating.pass() : undefined),
    },
  });
  await server.parts.runs.insert(run("r1"));
  await awaitsJobs(server, "r1");
  expect(await server.post("/runs/r1/passivate")).toEqual({
    status: 200,
    body: { run_id: "r1", hosted: false },
  });
  expect((await server.parts.runs.get("r1"))?.lease).toBeNull();
  expect(await server.post("/runs/r1/passivate")).toEqual(refusal(409, "RUN_STATE_FORBIDS"));
  expect(await server.post("/runs/r1/rehydrate")).toEqual({
    status: 200,
    body: { run_id: "r1", hosted: true },
  });
  expect(await server.post("/runs/none/rehydrate")).toEqual(
    refusal(404, "RUN_NOT_FOUND", { run_id: "none" }),
  );
  for (const id of server.effects.jobs.keys()) {
    server.effects.jobs.set(id, "SUCCEEDED");
    await server.post("/runs/r1/events", {
      event: { type: "job.changed", job_id: id, state: "SUCCEEDED" },
    });
  }
  await evaluating.reached;
  expect(await server.post("/runs/r1/passivate")).toEqual(refusal(409, "RUN_STATE_FORBIDS"));
  const settled = server.supervisor.settled("r1");
  evaluating.open();
  expect(await settled).toMatchObject({ status: "completed" });
});

test("while admission is paused queued runs stay in the queue; then the highest priority goes first", async () => {
  const server = await startAdmin({
    supervisor: { limits: { maxActive: 1, maxActivePerUser: 1 } },
  });
  expect((await server.post("/admission", { paused: true })).body).toEqual(
    supervisorBody(server, { admission_paused: true, limits: ONE_RUN }),
  );
  for (const id of ["r1", "r2", "r3"]) await server.parts.runs.insert(run(id));
  expect(await server.post("/runs/r3/priority", { priority: 5 })).toEqual({
    status: 200,
    body: { run_id: "r3", priority: 5 },
  });
  expect(await server.post("/runs/r1/priority", { priority: -1 })).toEqual({
    status: 200,
    body: { run_id: "r1", priority: -1 },
  });
  expect(await server.post("/runs/r1/priority", { priority: 1.5 })).toEqual(refusal(400, "USAGE"));
  expect((await server.get("/supervisor")).body).toEqual(
    supervisorBody(server, {
      admission_paused: true,
      limits: ONE_RUN,
      by_status: { pending: 3, running: 0, completed: 0, failed: 0, cancelled: 0 },
      queues: [{ user_email: "user@example.org", active: 0, queued: 3, queued_since: TIME }],
    }),
  );
  expect((await server.get("/runs/r3")).body.priority).toBe(5);
  const settled = Promise.all(["r1", "r2", "r3"].map((id) => server.supervisor.settled(id)));
  expect((await server.post("/admission", { paused: false })).body.admission_paused).toBe(false);
  await settled;
  const completed = server.transitions
    .filter(({ actor, to }) => actor === "run" && to === "completed")
    .map(({ at }) => at);
  expect(completed).toHaveLength(3);
  const histories = await Promise.all(
    ["r3", "r2", "r1"].map(async (id) => (await server.parts.runs.history(id))[0]?.at ?? 0),
  );
  expect(histories).toEqual(histories.toSorted((a, b) => a - b));
});

test("a draining daemon releases what waits and claims nothing, until it no longer drains", async () => {
  const server = await startAdmin({ script: { jobState: "RUNNING" } });
  await server.parts.runs.insert(run("r1"));
  await awaitsJobs(server, "r1");
  const released = given(server.parts.runs);
  expect((await server.post("/drain", {})).body.draining).toBe(true);
  await released;
  // What was being claimed as draining began is let go a little later.
  await expect.poll(async () => (await server.parts.runs.get("r1"))?.lease).toBeNull();
  expect(server.supervisor.hosted()).toEqual([]);
  await server.parts.runs.insert(run("r2"));
  await server.supervisor.deliver("r1", { id: "c", event: { type: "cancel.requested" } });
  expect(server.supervisor.hosted()).toEqual([]);
  const settled = server.supervisor.settled("r1");
  expect((await server.post("/drain", { draining: false })).body.draining).toBe(false);
  expect(await settled).toMatchObject({ status: "cancelled" });
  await awaitsJobs(server, "r2");
  expect(await server.audit()).toEqual(
    recorded(["drain.begin test", "done"], ["drain.end test", "done"]),
  );
});

test("stuck runs are listed with their reasons; a rejected mail is sent again", async () => {
  let refuses = true;
  const sent: string[] = [];
  const mail = {
    async send({ key }: { readonly key: string }) {
      if (refuses) throw new HaystackError("MAIL_REJECTED", "The address is not known.");
      sent.push(key);
    },
    close: () => Promise.resolve(),
  };
  const server = await startAdmin({ script: { jobState: "RUNNING" }, supervisor: { mail } });
  expect((await server.get("/stuck")).body).toEqual({ runs: [] });
  await server.parts.runs.insert(run("waits"));
  await awaitsJobs(server, "waits");
  expect((await server.get("/stuck?older_than_seconds=3600")).body).toEqual({ runs: [] });
  await server.parts.runs.insert(run("mailed"));
  await awaitsJobs(server, "mailed");
  const settled = server.supervisor.settled("mailed");
  await server.post("/runs/mailed/cancel");
  await settled;
  const {
    body: {
      runs: [stuck],
    },
  } = await server.get("/stuck?older_than_seconds=3600");
  expect(stuck).toEqual({
    run: runSummarySchema.parse((await server.parts.runs.get("mailed"))?.document),
    reasons: [
      {
        reason: "mail_rejected",
        since: null,
        detail: "The mail mailed.run_cancelled.1 was rejected: The address is not known.",
      },
    ],
  });
  const {
    body: { mails },
  } = await server.get("/outbox?state=rejected");
  const refused = {
    key: "mailed.run_cancelled.1",
    kind: "run_cancelled",
    state: "rejected",
    attempts: 1,
    due_at: TIME,
    owed_since: TIME,
    problem: "The address is not known.",
  };
  expect(mails).toEqual([{ run_id: "mailed", mail: refused }]);
  const { key } = mails[0].mail as { key: string };
  refuses = false;
  const again = server.supervisor.settled("mailed");
  expect(await server.post(`/runs/mailed/outbox/${encodeURIComponent(key)}/resend`)).toEqual({
    status: 202,
    body: { run_id: "mailed", event_id: expect.stringMatching(/^mail\.requested\./) as string },
  });
  await again;
  expect(sent).toEqual([key]);
  expect((await server.get("/outbox?state=rejected")).body).toEqual({ mails: [] });
  expect((await server.get("/outbox?state=sent")).body).toEqual({
    mails: [{ run_id: "mailed", mail: { ...refused, state: "sent", problem: null } }],
  });
  expect(await server.post("/runs/mailed/outbox/other/resend")).toEqual(
    refusal(404, "MAIL_NOT_FOUND", { run_id: "mailed" }),
  );
  expect(await server.audit()).toContain(`root@example.org resend ${key} mailed done`);
});

test("the oldest of many running runs is looked at too, however few are asked for", async () => {
  const server = await startAdmin();
  const lease = { owner: "elsewhere", expires_at: Date.now() + NEVER_MS };
  const oldest = {
    ...run("oldest"),
    status: "running" as const,
    created_at: "2026-01-01T00:00:00.000Z",
  };
  const newer = Array.from({ length: 201 }, (_, index) => ({
    ...oldest,
    run_id: `newer-${index}`,
    created_at: new Date(Date.UTC(2026, 1, 1, 0, 0, index % 150)).toISOString(),
  }));
  await Promise.all(
    [oldest, ...newer].map((document) => server.parts.runs.insert(document, lease)),
  );
  const failed = { context: { jobs: Array.from({ length: 3 }, () => ({ failure: "preempted" })) } };
  await stands(server.parts.runs, oldest, failed);
  const { body } = await server.get("/stuck?limit=1");
  expect(body.runs).toStrictEqual([
    {
      run: runSummarySchema.parse(oldest),
      reasons: [
        {
          reason: "many_failures",
          since: null,
          detail: "3 attempts at its inference jobs have failed.",
        },
      ],
    },
  ]);
});

test("a job that Batch does not know is a reason only when Batch must know it by now", async () => {
  const server = await startAdmin();
  const { batch, runs } = server.parts;
  Object.assign(batch, { notFoundGraceMs: 600_000 });
  const get = vi.spyOn(batch, "get").mockResolvedValue(undefined);
  for (const [id, minutes] of [
    ["new", 5],
    ["old", 11],
  ] as const) {
    const waits = { ...run(id), status: "running" as const };
    await runs.insert(waits, { owner: "elsewhere", expires_at: Date.now() + NEVER_MS });
    await stands(runs, waits, {
      context: {
        job: { job_id: `hs-${id}-i1-p-a1`, state: "submitted" },
        submitted_at: Date.now() - minutes * 60_000,
      },
    });
  }
  const { body } = await server.get("/stuck");
  expect(
    body.runs.map(
      ({ run: { run_id }, reasons }: { run: { run_id: string }; reasons: object[] }) => [
        run_id,
        reasons,
      ],
    ),
  ).toEqual([
    [
      "old",
      [
        {
          reason: "job_unknown",
          since: expect.any(String) as string,
          detail: "Batch does not know the job hs-old-i1-p-a1.",
        },
      ],
    ],
  ]);
  expect(get.mock.calls.map(([jobId]) => jobId)).toEqual(["hs-old-i1-p-a1"]);
});

test("a Batch that cannot be asked about a job is a line with the run and its trace", async () => {
  const server = await startAdmin();
  const waits = { ...run("waits"), status: "running" as const };
  await server.parts.runs.insert(waits, { owner: "elsewhere", expires_at: Date.now() + NEVER_MS });
  await stands(server.parts.runs, waits, {
    context: { job: { job_id: "hs-waits-i1-p-a1", state: "submitted" }, submitted_at: 0 },
  });
  vi.spyOn(server.parts.batch, "get").mockRejectedValue(new Error("No answer."));
  const warn = vi.spyOn(server.parts.logger, "warn");
  expect((await server.get("/stuck")).body).toEqual({ runs: [] });
  expect(warn).toHaveBeenCalledWith(
    expect.objectContaining({
      run_id: "waits",
      trace_id: traceIdOf("waits"),
      job_id: "hs-waits-i1-p-a1",
    }),
    expect.stringContaining("Batch"),
  );
});

test("the machine and the configuration are shown, no secret among them; users get nothing", async () => {
  const server = await startAdmin({ env: { OPENAI_API_KEY: "sk-very-secret" } });
  const {
    body: { machines },
  } = await server.get("/machine");
  expect(machines.map(({ key }: { key: string }) => key)).toEqual([
    "run",
    "inferenceJob",
    "stopJobs",
  ]);
  const inferring = machines[0].states.find(({ key }: { key: string }) => key === "inferring");
  expect(inferring).toStrictEqual({
    key: "inferring",
    type: "compound",
    initial: "deciding",
    entry: ["enterPhase"],
    invokes: [],
    transitions: [{ event: "cancel.requested", guard: "", target: "cancelling", actions: "" }],
    states: expect.any(Array) as object[],
  });
  const [, together, separate] = inferring.states;
  expect(together.invokes).toEqual([{ id: "roundJob", source: "inferenceJob" }]);
  expect(separate).toStrictEqual({
    key: "separate",
    type: "parallel",
    initial: null,
    entry: [],
    invokes: [],
    transitions: [{ event: "done", guard: "", target: "evaluating", actions: "" }],
    states: ["prediction", "control"].map((key) => ({
      key,
      type: "compound",
      initial: "deciding",
      entry: [],
      invokes: [],
      transitions: [],
      states: expect.any(Array) as object[],
    })),
  });
  expect(separate.states[0].states[1]).toStrictEqual({
    key: "predicting",
    type: "atomic",
    initial: null,
    entry: [],
    invokes: [{ id: "predictionJob", source: "inferenceJob" }],
    transitions: expect.any(Array) as object[],
    states: [],
  });
  const { body } = await server.get("/config");
  expect(body.config).toContainEqual({
    name: "OPENAI_API_KEY",
    value: "(hidden)",
    meaning: expect.any(String) as string,
  });
  expect(JSON.stringify(body)).not.toContain("sk-very-secret");
  const user = `Bearer ${await server.token("ada@example.org")}`;
  for (const { method, url } of server.guarded.filter((route) => route.url.startsWith("/admin"))) {
    const response = await fetch(`${server.url}${url.replace(":id", "r1").replace(":key", "k")}`, {
      method,
      headers: { authorization: user },
    });
    expect([method, url, response.status]).toEqual([method, url, 403]);
  }
});
