import { setTimeout as pause } from "node:timers/promises";
import type { RunStore } from "../services/runs/index.ts";
import { countdown, ids, insertAll, memory, spread, type Figures } from "./durability-figures.ts";
import { hostNoOps, jobsAwaited, noOpEffects, openStore, type Place } from "./durability-host.ts";

/** Runs that wait for both of their jobs. */

/** Brings runs to where both jobs run, and leaves them there. */
async function makeWaiting(store: RunStore, runIds: readonly string[]): Promise<void> {
  await insertAll(store, runIds);
  const awaiting = countdown(runIds.length * 2);
  const host = hostNoOps(store, {
    onCommitted(document, entries) {
      jobsAwaited(document, entries).forEach(awaiting.one);
    },
  });
  await host.supervisor.start();
  await awaiting.done;
  await host.supervisor.stop();
}

export async function prepareWaiting(place: Place, count: number): Promise<Figures> {
  const store = await openStore(place);
  await makeWaiting(store, ids(count));
  await store.close();
  return { waiting_runs: count };
}

/**
 * From the delivery of a job event to the start of the step that it causes: two durable writes lie
 * between.
 */
export async function latency(place: Place, live: number): Promise<Figures> {
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
  const named = (figures: Figures, name: string): Figures =>
    Object.fromEntries(Object.entries(figures).map(([key, value]) => [`${name}_${key}`, value]));
  return { live_runs: live, ...named(one, "one_at_a_time"), ...named(many, "500_a_second") };
}

/** Takes up waiting runs that another process left; then lets them all leave memory. */
export async function rehydration(place: Place, count: number): Promise<Figures> {
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
  while (
    (await store.claim({ owner: "nobody", now: Date.now(), lease_ms: 0, limit: 1 })).length > 0 ||
    leaving.supervisor.hosted().length > 0
  )
    await pause(200);
  let passivated = memory();
  for (let again = 0; again < 3; again += 1) {
    await pause(200);
    const now = memory();
    if (now.used < passivated.used) passivated = now;
  }
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

/**
 * Events that arrived while no daemon was there: from opening the store until the last of their
 * steps begins.
 */
export async function restart(place: Place, count: number): Promise<Figures> {
  const before = await openStore(place);
  for (let index = 0; index < DUE; index++) {
    const job_id = `hs-r${index}-i1-p-a1`;
    await before.deliver(`r${index}`, {
      id: `due.${Date.now()}.${index}`,
      event: { type: "job.changed", job_id, state: "SUCCEEDED" },
    });
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
  return {
    stored_waiting_runs: count,
    due: DUE,
    first_step_ms: Math.round(first),
    last_step_ms: Math.round(ms),
  };
}
