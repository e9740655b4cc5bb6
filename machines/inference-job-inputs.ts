import { nameAttempt } from "./inference-job-actions.ts";
import type {
  InferenceJobContext,
  InferenceJobInput,
  InferenceJobOutput,
} from "./inference-job-types.ts";
import type { CheckJobInput, PrepareJobInput, SubmitJobInput } from "./step-types.ts";
import type { StopJobsInput } from "./stop-jobs.ts";

/** What the machine of one inference job begins with, gives its steps, and gives the run. */

interface Given {
  readonly context: InferenceJobContext;
}

const pairsOf = ({ pairs }: InferenceJobContext) => (pairs === undefined ? {} : { pairs });

export const initialContext = ({
  input,
}: {
  readonly input: InferenceJobInput;
}): InferenceJobContext => ({
  ...input,
  job: nameAttempt(input, input.first_attempt),
  failures: { transient: 0, preempted: 0, application: 0 },
  submitted_at: 0,
  deadline_at: 0,
  wake_at: null,
  changed: false,
  outputs: null,
  prepared: null,
  error: null,
});

export const prepareJobInput = ({ context }: Given): PrepareJobInput => ({
  run_id: context.run_id,
  iteration: context.iteration,
  kind: context.kind,
  ...pairsOf(context),
  plan: context.plan,
  random_seed: context.random_seed,
});

export const submitJobInput = ({ context }: Given): SubmitJobInput => ({
  job: context.job,
  ...pairsOf(context),
  prepared: context.prepared ?? null,
  run_id: context.run_id,
  random_seed: context.random_seed,
  deadline_seconds: context.deadline_seconds,
  preemptions: context.failures.preempted + (context.shortages ?? 0),
  moves: context.moves ?? 0,
  max_gpu_cost_usd: context.max_gpu_cost_usd,
  troubled_since: context.troubled_since ?? null,
  plan: context.plan,
});

export const checkJobInput = ({ context }: Given): CheckJobInput => ({
  job: context.job,
  ...pairsOf(context),
  prepared: context.prepared ?? null,
  failures: context.failures,
  run_id: context.run_id,
  submitted_at: context.submitted_at,
  deadline_at: context.deadline_at,
  trouble: context.trouble ?? null,
});

export const stopJobsInput = ({ context }: Given): StopJobsInput => ({
  job_ids: [context.job.job_id],
});

/** A job whose pairs were all found has no name in the run's record. */
export const outputOfJob = ({ context }: Given): InferenceJobOutput => ({
  job: context.outputs !== null && context.job.state !== "succeeded" ? null : context.job,
  outputs: context.outputs,
  found: context.prepared?.found ?? {},
  error: context.outputs === null ? context.error : null,
});
