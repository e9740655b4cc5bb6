import { cancelJobs } from "../../actors/steps/cancel-jobs.ts";
import { checkJob } from "../../actors/steps/check-job.ts";
import { submitJob } from "../../actors/steps/submit-job.ts";
import type { StepPorts } from "../../actors/ports.ts";
import { usageOf } from "../../actors/host/usage.ts";
import type { SupervisorOptions } from "../../actors/supervisor/supervisor.ts";
import type { BatchService } from "../../services/batch/index.ts";
import type { Clock } from "../../services/clock/index.ts";
import { systemClock } from "../../services/clock/system.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { NO_CEILINGS } from "./ceilings.ts";
import { type HostedRuns, hostRuns } from "./hosted-runs.ts";
import { type ScriptedEffects, scriptedEffects } from "./scripted-effects.ts";

/** Time that passes so many times as fast. */
export function hurryingClock(times: number): Clock {
  const start = systemClock.now();
  return {
    now: () => start + (systemClock.now() - start) * times,
    elapsed: () => systemClock.elapsed() * times,
    at: (at, callback) => systemClock.at(start + (at - start) / times, callback),
    after: (ms, callback) => systemClock.after(ms / times, callback),
  };
}

export interface JobsOnBatch {
  readonly clock: Clock;
  readonly reconcileMs: number;
  readonly strategy?: "query_as_control" | "synthetic_control";
  readonly supervisor?: Partial<SupervisorOptions>;
}

/** Runs whose jobs are real ones of the service, and whose science is scripted. */
export async function jobsOnBatch(
  store: RunStore,
  batch: BatchService,
  { clock, reconcileMs, strategy = "query_as_control", supervisor = {} }: JobsOnBatch,
): Promise<HostedRuns & { readonly effects: ScriptedEffects }> {
  const ports = {
    batch,
    clock,
    reconcileMs,
    runs: store,
    ceilings: NO_CEILINGS,
    objects: { fetch: async ({ path }: { readonly path: string }) => path },
    compute: { run: async () => "0" },
  } as unknown as StepPorts;
  const effects = {
    ...scriptedEffects({ now: () => clock.now(), strategy }),
    submitJob: submitJob(ports),
    checkJob: checkJob(ports),
    cancelJobs: cancelJobs(ports),
  };
  const hosted = await hostRuns(store, effects, {
    clock,
    leaseMs: 1e9,
    passivateMs: 1e9,
    jobs: { ...batch, everyMs: reconcileMs },
    usage: usageOf(batch.model),
    ...supervisor,
  });
  return { ...hosted, effects };
}
