import { expect, test } from "vitest";
import type { HaystackError } from "../../errors.ts";
import { traceIdOf } from "../../insight/trace-id.ts";
import { collectorHeaders, openTraces, type Traces } from "../../insight/traces.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { attributesOf, type OtlpServer, startCollector } from "../support/otlp-server.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

const now = () => Date.now();
const QUESTION = run("r1").query;

const tracesTo = (
  { endpoint }: Pick<OtlpServer, "endpoint">,
  troubles: HaystackError[] = [],
): Traces =>
  openTraces({
    endpoint: `${endpoint}/`,
    headers: { "x-tenant": "lab" },
    service: { name: "haystack", version: "1.2.3" },
    now,
    onTrouble: (error) => troubles.push(error),
  });

test("one run that two daemons work on is one trace, with the run's span above all others", async () => {
  const [store, collector] = [await temporaryStore(), await startCollector()];
  const first = tracesTo(collector);
  const effects = scriptedEffects({ now, jobState: "RUNNING" });
  const waiting = await hostRuns(store, effects, { owner: "one", instruments: first.instruments });
  await waiting.supervisor.submit(run("r1"));
  await waiting.committed("r1", (_, entries) =>
    entries.some(({ actor, to }) => actor === "controlJob" && to === "awaiting"),
  );
  await waiting.supervisor.stop();
  await first.close();
  const before = collector.spans();

  const second = tracesTo(collector);
  const done = await hostRuns(store, effects, {
    owner: "two",
    instruments: second.instruments,
    sweeps: false,
  });
  const settled = done.supervisor.settled("r1");
  await done.supervisor.adopt("r1");
  await done.supervisor.deliver("r1", { id: "c1", event: { type: "cancel.requested" } });
  await settled;
  await done.supervisor.stop();
  await second.close();
  const after = collector.spans().slice(before.length);

  expect(before.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["step analyze", "step prompt", "step submitJob"]),
  );
  expect(before.map(({ name }) => name)).not.toContain("run");
  const roots = after.filter(({ name }) => name === "run");
  expect(roots).toHaveLength(1);
  expect(new Set(collector.spans().map(({ traceId }) => traceId))).toEqual(
    new Set([traceIdOf("r1")]),
  );
  for (const span of collector.spans())
    expect(span.parentSpanId ?? "").toBe(span.name === "run" ? "" : roots[0]?.spanId);
  expect(after.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["step cancelJobs", "job prediction", "mail"]),
  );
  for (const { path, headers, text } of collector.requests) {
    expect(path).toBe("/v1/traces");
    expect(headers["x-tenant"]).toBe("lab");
    expect(text).not.toContain(QUESTION);
    expect(text).not.toContain("user@example.org");
  }
});

test("spans say how a step ended, and what a job was", async () => {
  const [store, collector] = [await temporaryStore(), await startCollector()];
  const traces = tracesTo(collector);
  const { supervisor } = await hostRuns(
    store,
    scriptedEffects({
      now,
      scores: [8],
      before: (effect) =>
        effect.startsWith("output") ? Promise.reject(new TypeError("broken")) : undefined,
    }),
    { instruments: traces.instruments },
  );
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  expect(await settled).toMatchObject({ status: "failed" });
  await supervisor.stop();
  await traces.close();
  const named = (name: string) => collector.spans().filter((span) => span.name === name);
  expect(
    named("step output").map((span) => [
      span.status.code,
      span.status.message,
      attributesOf(span)["haystack.error_code"],
    ]),
  ).toEqual([[2, "INTERNAL", "INTERNAL"]]);
  expect(named("step analyze").map(({ status }) => status.code)).toEqual([1]);
  expect(named("run").map(({ status }) => [status.code, status.message])).toEqual([
    [2, "INTERNAL"],
  ]);
  expect(named("mail").map(({ status }) => status.code)).toEqual([1]);
  const jobs = [...named("job prediction"), ...named("job control")];
  expect(jobs.map((span) => String(attributesOf(span)["haystack.job_id"])).toSorted()).toEqual([
    "hs-r1-i1-c-a1",
    "hs-r1-i1-p-a1",
  ]);
  for (const span of collector.spans())
    expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
});

test("a collector that refuses is reported, and the run completes", async () => {
  const [store, collector] = [await temporaryStore(), await startCollector(400)];
  const troubles: HaystackError[] = [];
  const traces = tracesTo(collector, troubles);
  const { supervisor } = await hostRuns(store, scriptedEffects({ now }), {
    instruments: traces.instruments,
  });
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  expect(await settled).toMatchObject({ status: "completed" });
  await traces.close();
  expect(troubles.map(({ code }) => code)).toContain("TRACES_UNAVAILABLE");
});

test("headers of the collector are read as OpenTelemetry writes them", () => {
  expect(collectorHeaders("api-key=a%3Db, x-tenant = lab,broken")).toEqual({
    "api-key": "a=b",
    "x-tenant": "lab",
  });
});
