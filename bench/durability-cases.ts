import { setTimeout as pause } from "node:timers/promises";
import { jobsAwaited, hostNoOps, noOpEffects, noOpRun, openStore, type Place } from "./durability-host.ts";
import type { RunStore } from "../services/runs/index.ts";

/** The measurements. Each runs in a process of its own; numbers are milliseconds, bytes and counts unless the name says otherwise. */

export type Figures = Readonly<Record<string, number>>;
export type Case = (place: Place, size: number) => Promise<Figures>;

const round = (value: number, digits = 1): number => Number(value.toFixed(digits));

const cpuSeconds = ({ user, system }: { readonly user: number; readonly system: number }): number => (user + system) / 1e6;

const quantile = (sorted: readonly number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;

function spread(times: readonly number[]): Figures {
  const sorted = times.toSorted((a, b) => a - b);
  return { samples: sorted.length, p50_ms: round(quantile(sorted, 0.5), 2), p99_ms: round(quantile(sorted, 0.99), 2), max_ms: round(sorted.at(-1) ?? Number.NaN, 2) };
}

/** Bytes in use after everything that can go has gone. */
function memory(): { readonly used: number; readonly resident: number } {
  for (let round_ = 0; round_ < 4; round_++) globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: heapUsed + external, resident: rss };
}

const ids = (count: number, prefix = "r"): string[] => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

async function insertAll(store: RunStore, runIds: readonly string[], config = {}): Promise<void> {
  for (let start = 0; start < runIds.length; start += 1_000) await Promise.all(runIds.slice(start, start + 1_000).map((runId) => store.insert(noOpRun(runId, config))));
}

/** Calls back for every commit; resolves when `count` calls answered true. */
function countdown(count: number): { readonly done: Promise<void>; one(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  return {
    done: promise,
    one() {
      if (--left === 0) resolve();
    },
  };
}

/** Runs of five iterations with two jobs each, all at once, from claim to completion. A transition is one committed entry of the log. */
async function throughput(place: Place, live: number): Promise<Figures> {
  const store = await openStore(place);
  const runIds = ids(live);
  await insertAll(store, runIds, { max_iterations: live === 1 ? 20 : 5 });
  const completed = countdown(live);
  let commits = 0;
  const host = hostNoOps(store, {
    onCommitted(document, entries) {
      commits += 1;
      for (const job of jobsAwaited(document, entries)) void host.jobEvents.publish({ event_id: job, job_id: job, state: "SUCCEEDED" });
      if (document.status === "completed" && entries.length > 0) completed.one();
    },
  });
  const cpu = process.cpuUsage();
  const loopCpu = process.threadCpuUsage();
  const started = performance.now();
  await host.supervisor.start();
  await completed.done;
  const seconds = (performance.now() - started) / 1_000;
  const used = cpuSeconds(process.cpuUsage(cpu));
  const loopUsed = cpuSeconds(process.threadCpuUsage(loopCpu));
  await host.supervisor.stop();
  const histories = await Promise.all(runIds.map((runId) => store.history(runId)));
  await store.close();
  const transitions = histories.reduce((sum, { length }) => sum + length, 0);
  return {
    live_runs: live,
    transitions,
    transitions_per_second: Math.round(transitions / seconds),
    transitions_per_loop_cpu_second: Math.round(transitions / loopUsed),
    commits,
    events: runIds.length * (live === 1 ? 40 : 10),
    seconds: round(seconds, 2),
    cpu_seconds: round(used, 2),
    loop_cpu_seconds: round(loopUsed, 2),
  };
}

/** Brings runs to where both jobs run, and leaves them there. */
async function makeWaiting(store: RunStore, runIds: readonly string[]): Promise<void> {
  await insertAll(store, runIds);
  const awaiting = countdown(runIds.length * 2);
  const host = hostNoOps(store, {
    onCommitted(document, entries) {
      for (const _ of jobsAwaited(document, entries)) awaiting.one();
    },
  });
  await host.supervisor.start();
  await awaiting.done;
  await host.supervisor.stop();
}

async function prepareWaiting(place: Place, count: number): Promise<Figures> {
  const store = await openStore(place);
  await makeWaiting(store, ids(count));
  await store.close();
  return { waiting_runs: count };
}

/** From the delivery of a job event to the start of the step that it causes: two durable writes lie between. */
async function latency(place: Place, live: number): Promise<Figures> {
  const store = await openStore(place);
  const runIds = ids(live);
  await makeWaiting(store, runIds);
  const delivered = new Map<string, { readonly at: number; begun(ms: number): void }>();
  const effects = noOpEffects({
    async checkJob({ job, deadline_at }) {
      const sample = delivered.get(job.job_id);
      delivered.delete(job.job_id);
      sample?.begun(performance.now() - sample.at);
      return { verdict: "waiting", now: Date.now(), check_at: deadline_at };
    },
  });
  const host = hostNoOps(store, { effects });
  await host.supervisor.start();
  while (host.supervisor.hosted().length < live) await pause(5);
  const send = (index: number): Promise<number> =>
    new Promise((begun) => {
      const job = `hs-r${index % live}-i1-p-a1`;
      delivered.set(job, { at: performance.now(), begun });
      void host.jobEvents.publish({ event_id: `${job}.${index}`, job_id: job, state: "RUNNING" });
    });

  const alone: number[] = [];
  for (let index = 0; index < 1_000; index++) alone.push(await send(index));
  const busy: Promise<number>[] = [];
  for (let index = 1_000; index < 6_000; index += 10) {
    for (let next = index; next < index + 10; next++) busy.push(send(next));
    await pause(20);
  }
  const one = spread(alone);
  const many = spread(await Promise.all(busy));
  await host.supervisor.stop();
  await store.close();
  const named = (figures: Figures, name: string): Figures => Object.fromEntries(Object.entries(figures).map(([key, value]) => [`${name}_${key}`, value]));
  return { live_runs: live, ...named(one, "one_at_a_time"), ...named(many, "500_a_second") };
}

/** Takes up waiting runs that another process left; then lets them all leave memory. */
async function rehydration(place: Place, count: number): Promise<Figures> {
  const store = await openStore(place);
  const before = memory();
  const host = hostNoOps(store);
  const started = performance.now();
  await host.supervisor.start();
  while (host.supervisor.hosted().length < count) await pause(5);
  const ms = performance.now() - started;
  const live = memory();
  await host.supervisor.stop();
  const leaving = hostNoOps(store, { passivateMs: 1, pollMs: 100 });
  await leaving.supervisor.start();
  while ((await store.claim({ owner: "nobody", now: Date.now(), lease_ms: 0, limit: 1 })).length > 0 || leaving.supervisor.hosted().length > 0) await pause(200);
  const passivated = memory();
  await leaving.supervisor.stop();
  await store.close();
  return {
    waiting_runs: count,
    rehydrated_ms: Math.round(ms),
    bytes_a_live_run: Math.round((live.used - before.used) / count),
    resident_bytes_a_live_run: Math.round((live.resident - before.resident) / count),
    bytes_a_passivated_run: Math.round((passivated.used - before.used) / count),
  };
}

const DUE = 200;

/** Events that arrived while no daemon was there: from opening the store until the last of their steps begins. */
async function restart(place: Place, count: number): Promise<Figures> {
  const before = await openStore(place);
  for (let index = 0; index < DUE; index++) {
    const job_id = `hs-r${index}-i1-p-a1`;
    await before.deliver(`r${index}`, { id: `due.${Date.now()}.${index}`, event: { type: "job.changed", job_id, state: "SUCCEEDED" } });
  }
  await before.close();
  const started = performance.now();
  const store = await openStore(place);
  const begun = countdown(DUE);
  let first = Number.NaN;
  const effects = noOpEffects({
    async checkJob({ deadline_at }) {
      if (Number.isNaN(first)) first = performance.now() - started;
      begun.one();
      return { verdict: "waiting", now: Date.now(), check_at: deadline_at };
    },
  });
  const host = hostNoOps(store, { effects });
  await host.supervisor.start();
  await begun.done;
  const ms = performance.now() - started;
  await host.supervisor.stop();
  await store.close();
  return { stored_waiting_runs: count, due: DUE, first_step_ms: Math.round(first), last_step_ms: Math.round(ms) };
}

/** Completed runs with a document and a snapshot of usual size. */
async function storeCompleted(store: RunStore, count: number): Promise<void> {
  const snapshot = JSON.stringify({ status: "done", filled: "x".repeat(4_000) });
  for (let start = 0; start < count; start += 500) {
    const documents = ids(Math.min(500, count - start), `old-${start}-`).map((runId) => noOpRun(runId));
    await Promise.all(documents.map((document) => store.insert(document)));
    await store.commit(
      documents.map((document) => ({
        run_id: document.run_id,
        expect: { revision: 0, token: 0, status: "pending" },
        document: { ...document, status: "completed", current_phase: null },
        snapshot,
        machine: { id: "run", version: "1" },
        wake_at: null,
        attention_at: null,
        consumed: [],
        outbox: [],
        history: Array.from({ length: 10 }, (_, at) => ({ revision: 1, at, actor: "run", event: "filled", from: "a", to: "b" })),
      })),
    );
  }
}

/** The same work beside ever more stored runs. */
async function flatGrowth(place: Place, stored: number): Promise<Figures> {
  const store = await openStore(place);
  await storeCompleted(store, stored);
  await store.close();
  return { stored_runs: stored, ...(await throughput(place, 200)) };
}

export const CASES: Readonly<Record<string, Case>> = { throughput, latency, prepareWaiting, rehydration, restart, flatGrowth };
