import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bindRunMachine } from "../actors/host/bind-run-machine.ts";
import type { StepPorts } from "../actors/ports.ts";
import { checkJob } from "../actors/steps/check-job.ts";
import { submitJob } from "../actors/steps/submit-job.ts";
import { createSupervisor } from "../actors/supervisor/supervisor.ts";
import { googleBatch } from "../services/batch/google/service.ts";
import type { Clock } from "../services/clock/index.ts";
import { systemClock } from "../services/clock/system.ts";
import { inProcessJobEvents } from "../services/job-events/in-process.ts";
import { newRun } from "../services/runs/document.ts";
import { openSqliteRuns } from "../services/runs/sqlite/store.ts";
import { batchServer } from "../tests/support/batch-server.ts";
import { NO_CEILINGS } from "../tests/support/ceilings.ts";
import { scriptedEffects } from "../tests/support/scripted-effects.ts";
import { hurryingClock } from "../tests/support/jobs-on-batch.ts";

/**
 * Runs that wait for machines on Google Batch, by a server on this machine: what each costs in
 * commits over six hours in the queue (time passes faster), and how often Batch is read in a minute.
 */

const HOUR = 3_600_000;
const MINUTE = 60_000;
const RECONCILE_MS = 10_000;
const IMAGE = "worker:1";

const passed = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve);
    // Timers of clocks do not keep the process alive.
    const alive = setInterval(() => undefined, 1_000);
    clock.after(ms, () => clearInterval(alive));
  });

async function waitingRuns(runs: number, clock: Clock, ms: number) {
  const folder = await mkdtemp(join(tmpdir(), "haystack-bench-"));
  const server = await batchServer({ images: { [IMAGE]: [] }, volumes: {} });
  const never = Promise.withResolvers<void>();
  server.scriptJobs({ hold: { QUEUED: never.promise } }, runs);
  const place = { project: "p", region: "us-central1" };
  const batch = googleBatch({
    project: "p",
    location: "us-central1",
    endpoint: server.endpoint,
    image: IMAGE,
    bucket: "b",
    topic: "projects/p/topics/t",
    model: "stack",
    offers: [{ ...place, machine: "m", provisioning: "STANDARD", usd_per_hour: 1 }],
    lossesPerOffer: 2,
    moveAfterMs: MINUTE,
  });
  const store = await openSqliteRuns({ file: join(folder, "runs.sqlite") });
  const ports = {
    batch,
    clock,
    reconcileMs: RECONCILE_MS,
    runs: store,
    ceilings: NO_CEILINGS,
  } as unknown as StepPorts;
  const commits = { all: 0 };
  const supervisor = createSupervisor({
    store,
    machine: bindRunMachine({
      ...scriptedEffects({ now: () => clock.now(), strategy: "query_as_control" }),
      submitJob: submitJob(ports),
      checkJob: checkJob(ports),
    }),
    clock,
    jobEvents: inProcessJobEvents({ clock }),
    jobs: { ...batch, everyMs: RECONCILE_MS },
    mail: { send: () => Promise.resolve(), close: () => Promise.resolve() },
    composeMail: async (document, { key }) => ({ key, to: "", subject: "", text: "", html: "" }),
    usage: () => ({ gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 }),
    owner: "bench",
    limits: { maxActive: runs, maxActivePerUser: runs },
    passivateMs: MINUTE,
    random: () => 0.5,
    sweeps: true,
    leaseMs: 24 * HOUR,
    pollMs: MINUTE,
    onTrouble: (error) => process.stderr.write(`${error.code}: ${error.message}\n`),
    onCommitted: () => void (commits.all += 1),
  });
  await supervisor.start();
  for (let index = 0; index < runs; index++)
    await supervisor.submit(
      newRun({
        run_id: `r${index}`,
        query: "q",
        user_email: null,
        config: { job_deadline_seconds: 14 * 86_400 },
        random_seed: 1,
        now: clock.now(),
      }),
    );
  const made = (): number => server.calls.filter(({ method }) => method === "createJob").length;
  while (made() < runs) await passed(clock, RECONCILE_MS);
  await passed(clock, 2 * RECONCILE_MS);
  const before = { calls: server.calls.length, commits: commits.all };
  await passed(clock, ms);
  const reads = server.calls.slice(before.calls).length;
  const written = commits.all - before.commits;
  await supervisor.stop();
  await batch.close();
  await server.close();
  await store.close();
  await rm(folder, { recursive: true, force: true });
  return { reads, written };
}

const commitsOf = async (hours: number): Promise<number> => {
  const runs = 4;
  const { written } = await waitingRuns(runs, hurryingClock(2_000), hours * HOUR);
  return written / runs;
};

const oneHour = await commitsOf(1);
const sixHours = await commitsOf(6);
const { reads, written } = await waitingRuns(1_000, systemClock, MINUTE);
console.log(
  JSON.stringify({
    commits_of_a_job_in_one_hour_of_waiting: oneHour,
    commits_of_a_job_in_six_hours_of_waiting: sixHours,
    waiting_jobs: 1_000,
    reads_a_minute: reads,
    commits_a_minute: written,
    quota_of_reads_a_minute: 15_000,
  }),
);
