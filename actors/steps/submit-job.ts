import type { SubmitJobInput, SubmitJobOutput } from "../../machines/step-types.ts";
import { given } from "../../given.ts";
import { HaystackError, type ErrorCode } from "../../errors.ts";
import type { InferenceJobSpec } from "../../services/batch/index.ts";
import { inferencePairs } from "../inference-pairs.ts";
import { iterationObjects } from "../run-objects.ts";
import { keptOffer } from "./job-offers.ts";
import type { Effect } from "../host/step.ts";
import { pauseSince } from "./pause.ts";
import { overspent } from "../ceilings.ts";
import type { StepPorts } from "../ports.ts";
import { jobPlaces } from "../job-places.ts";
import { costAtLimit, moneyReserved } from "../reserved-money.ts";

/** Nothing is wrong with the job, and nothing was spent: it is handed over again. */
const PASSES: ReadonlySet<ErrorCode> = new Set([
  "BATCH_QUOTA",
  "BATCH_UNAVAILABLE",
  "STORE_UNAVAILABLE",
  "OBJECTS_UNAVAILABLE",
  "DISK_FULL",
  "TOO_MANY_FILES",
]);
const PAUSES = { first: 5_000, longest: 5 * 60_000 };

/**
 * Hands the job to Batch, with the offer that its journal had before (D2); a job of that name that is
 * ours is adopted (D4). Where Batch has no room
 * or does not answer, or this machine cannot hand it over, the job is postponed, until it has been
 * so for as long as it may run. When the run's money is spent no job is begun, but one that runs
 * already is taken on: it is paid for.
 */
export function submitJob({
  batch,
  clock,
  reconcileMs,
  runs,
  ceilings,
}: StepPorts): Effect<SubmitJobInput, SubmitJobOutput> {
  const overReserved = moneyReserved({ runs, ceilings });
  const withoutPlace = jobPlaces({ runs, ceilings });
  return async (
    {
      job,
      pairs,
      prepared,
      run_id,
      random_seed,
      deadline_seconds,
      preemptions,
      moves = 0,
      max_gpu_cost_usd,
      troubled_since,
      plan,
    },
    { signal, resumed },
  ) => {
    let offer = batch.offer(preemptions, moves);
    const paths = iterationObjects(run_id, job.iteration);
    const spec: InferenceJobSpec = {
      job_id: job.job_id,
      run_id,
      iteration: job.iteration,
      kind: job.kind,
      attempt: job.attempt,
      pairs: inferencePairs({ ...job, run_id, pairs }, prepared?.found),
      manifest: paths.manifest(job.kind),
      seed: random_seed,
      max_run_seconds: deadline_seconds,
      ...given({ inputs: plan?.sha256 }),
    };
    try {
      offer = await keptOffer(runs, run_id, job.job_id, offer);
      const isKnown = async (): Promise<boolean> =>
        (await batch.get(job.job_id, signal, offer ?? undefined)) !== undefined;
      const spent =
        offer === null ? null : await overspent(runs, run_id, max_gpu_cost_usd, ceilings);
      if (spent !== null && !(await isKnown())) {
        throw new HaystackError(
          "GPU_BUDGET_SPENT",
          spent,
          resumed || troubled_since != null ? { details: { job_may_run: true } } : {},
        );
      }
      const waits =
        offer === null
          ? null
          : ((await overReserved({
              run_id,
              job_id: job.job_id,
              at_limit: costAtLimit(offer, deadline_seconds),
              most_of_run: Math.min(
                max_gpu_cost_usd ?? Number.POSITIVE_INFINITY,
                ceilings.MAX_GPU_USD_PER_RUN,
              ),
            })) ?? (await withoutPlace({ run_id, job_id: job.job_id })));
      if (waits !== null && !(await isKnown())) throw new HaystackError("BATCH_QUOTA", waits);
      await batch.submit({ ...spec, ...given({ offer: offer ?? undefined }) }, signal);
    } catch (thrown) {
      const now = clock.now();
      const since = troubled_since ?? now;
      const giveUpAt = since + deadline_seconds * 1_000;
      if (!(thrown instanceof HaystackError) || !PASSES.has(thrown.code) || now >= giveUpAt)
        throw thrown;
      return {
        problem: thrown.message,
        troubled_since: since,
        try_at: Math.min(giveUpAt, now + pauseSince(since, now, PAUSES)),
      };
    }
    const now = clock.now();
    const deadline_at = now + deadline_seconds * 1_000;
    return { offer, now, deadline_at, check_at: Math.min(now + reconcileMs, deadline_at) };
  };
}
