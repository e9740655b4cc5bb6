import { PubSub } from "@google-cloud/pubsub";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bindRunMachine } from "../actors/host/bind-run-machine.ts";
import { createSupervisor } from "../actors/supervisor/supervisor.ts";
import { systemClock } from "../services/clock/system.ts";
import { googlePubsubEvents } from "../services/job-events/google/events.ts";
import { newRun } from "../services/runs/document.ts";
import { openSqliteRuns } from "../services/runs/sqlite/store.ts";
import { startPubsubEmulator } from "../tests/support/pubsub-emulator.ts";
import { scriptedEffects } from "../tests/support/scripted-effects.ts";

/**
 * Waiting runs get their job events through Pub/Sub: from publishing a message to the start of the
 * step that it causes.
 */

const RUNS = 1_000;
const PROJECT = "bench";
const [TOPIC, SUBSCRIPTION] = ["jobs", "jobs"];

const folder = await mkdtemp(join(tmpdir(), "haystack-bench-"));
const emulator = await startPubsubEmulator();
const store = await openSqliteRuns({ file: join(folder, "runs.sqlite") });
const published = new Map<string, number>();
const latencies: number[] = [];
const started = new Map<string, number>();
const effects = scriptedEffects({
  now: () => Date.now(),
  strategy: "query_as_control",
  jobState: "RUNNING",
  before(effect) {
    const jobId = effect.startsWith("checkJob:") ? effect.slice("checkJob:".length) : "";
    const at = published.get(jobId);
    if (at === undefined) return;
    started.set(jobId, (started.get(jobId) ?? 0) + 1);
    latencies.push(performance.now() - at);
  },
});
const waiting = Promise.withResolvers<void>();
const finished = Promise.withResolvers<void>();
let awaiting = 0;
let ended = 0;
const jobEvents = await googlePubsubEvents({
  projectId: PROJECT,
  topic: TOPIC,
  subscription: SUBSCRIPTION,
  create: true,
  emulatorHost: emulator.host,
  clock: systemClock,
  maxInFlight: 1_000,
  onTrouble: (error) => console.error(error.message),
});
const supervisor = createSupervisor({
  store,
  machine: bindRunMachine({
    ...effects,
    submitJob: async (input, context) => ({
      ...(await effects.submitJob(input, context)),
      check_at: Date.now() + 3_600_000,
    }),
  }),
  clock: systemClock,
  jobEvents,
  mail: { send: () => Promise.resolve(), close: () => Promise.resolve() },
  composeMail: () => Promise.reject(new Error("No mail is owed.")),
  usage: () => ({ gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 }),
  owner: "bench",
  limits: { maxActive: RUNS, maxActivePerUser: RUNS },
  sweeps: true,
  leaseMs: 30_000,
  pollMs: 250,
  passivateMs: 24 * 3_600_000,
  random: Math.random,
  onCommitted(document, entries) {
    awaiting += entries.filter(({ to }) => to === "awaiting").length;
    if (awaiting >= RUNS) waiting.resolve();
    if (
      document.status === "completed" &&
      entries.some(({ to }) => to === "completed") &&
      ++ended === RUNS
    )
      finished.resolve();
  },
  onTrouble: (error) => console.error(error.message),
});
await supervisor.start();
for (let number = 0; number < RUNS; number++) {
  await store.insert(
    newRun({
      run_id: `bench-${number}`,
      query: "How would B cells respond to IFN-beta?",
      user_email: null,
      config: {},
      random_seed: number,
      now: Date.now(),
    }),
  );
}
await waiting.promise;

const publisher = new PubSub({
  projectId: PROJECT,
  apiEndpoint: emulator.host,
  emulatorMode: true,
});
const topic = publisher.topic(TOPIC, { batching: { maxMilliseconds: 1 } });
const jobIds = [...effects.jobs.keys()];
for (const jobId of jobIds) {
  effects.jobs.set(jobId, "SUCCEEDED");
  published.set(jobId, performance.now());
  await topic.publishMessage({
    attributes: {
      Type: "JOB_STATE_CHANGED",
      JobName: `projects/1/locations/us-central1/jobs/${jobId}`,
      JobUID: `${jobId}-u`,
      NewJobState: "SUCCEEDED",
      OldJobState: "RUNNING",
    },
  });
}
await finished.promise;
latencies.sort((a, b) => a - b);
const at = (share: number): number =>
  latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
console.log(
  JSON.stringify(
    {
      benchmark: "events",
      node: process.version,
      runs: RUNS,
      store: "sqlite",
      synchronous: "FULL",
      publish_to_step_ms: { p50: at(0.5), p99: at(0.99) },
      lost: RUNS - started.size,
      doubled: [...started.values()].filter((times) => times > 1).length,
    },
    null,
    1,
  ),
);
await supervisor.stop();
await jobEvents.close();
await publisher.close();
await store.close();
await emulator.stop();
await rm(folder, { recursive: true, force: true });
