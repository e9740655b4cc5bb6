import type { RunStore } from "../services/runs/index.ts";
import {
  countdown,
  cpuSeconds,
  ids,
  insertAll,
  round,
  type Case,
  type Figures,
} from "./durability-figures.ts";
import { hostNoOps, jobsAwaited, noOpRun, openStore, type Place } from "./durability-host.ts";
import { latency, prepareWaiting, rehydration, restart } from "./durability-waiting.ts";

/** Hosts the runs from claim to completion; every job ends by an event as soon as it runs. */
async function complete(
  store: RunStore,
  runIds: readonly string[],
): Promise<{
  readonly seconds: number;
  readonly cpu: number;
  readonly loopCpu: number;
  readonly commits: number;
  readonly events: number;
}> {
  const completed = countdown(runIds.length);
  let commits = 0;
  let events = 0;
  const host = hostNoOps(store, {
    onCommitted(document, entries) {
      commits += 1;
      for (const job of jobsAwaited(document, entries)) {
        events += 1;
        void host.jobEvents.publish({ event_id: job, job_id: job, state: "SUCCEEDED" });
      }
      if (document.status === "completed" && entries.length > 0) completed.one();
    },
  });
  const cpu = process.cpuUsage();
  const loopCpu = process.threadCpuUsage();
  const started = performance.now();
  await host.supervisor.start();
  await completed.done;
  const seconds = (performance.now() - started) / 1_000;
  const used = {
    cpu: cpuSeconds(process.cpuUsage(cpu)),
    loopCpu: cpuSeconds(process.threadCpuUsage(loopCpu)),
  };
  await host.supervisor.stop();
  return { seconds, ...used, commits, events };
}

const WARM_UP = 200;

/**
 * Runs of five iterations with two jobs each, all live at once. A transition is one entry of the
 * log as it stands in the store.
 */
async function throughput(place: Place, live: number): Promise<Figures> {
  const store = await openStore(place);
  const early = ids(WARM_UP, "early");
  await insertAll(store, early);
  await complete(store, early);
  const runIds = ids(live);
  await insertAll(store, runIds, { max_iterations: live === 1 ? 20 : 5 });
  const { seconds, cpu, loopCpu, commits, events } = await complete(store, runIds);
  const histories = await Promise.all(runIds.map((runId) => store.history(runId)));
  await store.close();
  const transitions = histories.reduce((sum, { length }) => sum + length, 0);
  return {
    live_runs: live,
    transitions,
    transitions_per_second: Math.round(transitions / seconds),
    /**
     * What the thread of the machines could do if it never waited and lost no time to other
     * programs.
     */
    transitions_per_loop_cpu_second: Math.round(transitions / loopCpu),
    commits,
    events,
    seconds: round(seconds, 2),
    cpu_seconds: round(cpu, 2),
    loop_cpu_seconds: round(loopCpu, 2),
  };
}

/** Completed runs with a document and a snapshot of usual size. */
async function storeCompleted(store: RunStore, count: number): Promise<void> {
  const snapshot = JSON.stringify({ status: "done", filled: "x".repeat(4_000) });
  for (let start = 0; start < count; start += 500) {
    const documents = ids(Math.min(500, count - start), `old-${start}-`).map((runId) =>
      noOpRun(runId),
    );
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
        history: Array.from({ length: 10 }, (_, at) => ({
          revision: 1,
          at,
          actor: "run",
          event: "filled",
          from: "a",
          to: "b",
        })),
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

/** The measurements. Each runs in a process of its own. */
export const CASES: Readonly<Record<string, Case>> = {
  throughput,
  latency,
  prepareWaiting,
  rehydration,
  restart,
  flatGrowth,
};
