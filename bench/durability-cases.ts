import type { RunStore } from "../services/runs/index.ts";
import { countdown, cpuSeconds, ids, insertAll, round, type Case, type Figures } from "./durability-figures.ts";
import { hostNoOps, jobsAwaited, noOpRun, openStore, type Place } from "./durability-host.ts";
import { latency, prepareWaiting, rehydration, restart } from "./durability-waiting.ts";

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

/** The measurements. Each runs in a process of its own. */
export const CASES: Readonly<Record<string, Case>> = { throughput, latency, prepareWaiting, rehydration, restart, flatGrowth };
