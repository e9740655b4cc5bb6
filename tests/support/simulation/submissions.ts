import type { InferenceJobSpec } from "../../../services/batch/index.ts";
import type { MemoryRuns } from "../memory-runs.ts";
import { isRunningJob, type SimulatedJob } from "./batch-world.ts";
import type { Witness } from "./witness.ts";

/** Whether a job may be handed over, as Batch sees it when that is asked. */
export interface SubmissionRules {
  readonly jobs: () => ReadonlyMap<string, SimulatedJob>;
  readonly runs: Pick<MemoryRuns, "peek">;
  readonly isPaidFor: boolean;
  readonly hasRetried: (runId: string) => boolean;
  readonly witness: Witness;
}

export function judgeSubmission(
  { jobs, runs, isPaidFor, hasRetried, witness }: SubmissionRules,
  { job_id, run_id, iteration, kind, attempt }: InferenceJobSpec,
  isNew: boolean,
): void {
  witness.trace(`submit ${job_id} ${isNew ? "new" : "adopted"}`);
  const known = jobs().get(job_id)?.spec;
  if (
    known !== undefined &&
    (known.run_id !== run_id ||
      known.iteration !== iteration ||
      known.kind !== kind ||
      known.attempt !== attempt)
  )
    witness.violated("D4", `${job_id} is the name of two jobs`);
  if (!isNew) return;
  const others = [...jobs().values()].filter(
    ({ spec }) => spec.run_id === run_id && spec.iteration === iteration && spec.kind === kind,
  );
  if (others.some(isRunningJob))
    witness.violated("D4", `${job_id} was submitted while another attempt runs`);
  if (
    !hasRetried(run_id) &&
    others.some(({ state, output_valid }) => state === "SUCCEEDED" && output_valid)
  )
    witness.violated("D8", `${job_id} was submitted although another attempt has a good result`);
  const most = runs.peek(run_id)?.document.config.max_gpu_cost_usd ?? Number.POSITIVE_INFINITY;
  if (isPaidFor && witness.spentBefore(job_id) >= most)
    witness.violated(
      "money",
      `${job_id} was submitted when ${witness.spentBefore(job_id)} of ${most} USD were spent`,
    );
  const state = witness.stateOf(run_id);
  if (state === "completed" || state === "cancelled" || state === "failed")
    witness.violated("D4", `${job_id} was submitted after the run was ${state}`);
}
