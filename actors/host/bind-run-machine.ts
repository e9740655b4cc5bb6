import { inferenceJobMachine } from "../../machines/inference-job.ts";
import type { PreparedJob } from "../../machines/pair-types.ts";
import type {
  AnalyzeInput,
  AnalyzeOutput,
  CancelJobsInput,
  CancelJobsOutput,
  CheckJobInput,
  CheckJobOutput,
  EvaluateInput,
  EvaluateOutput,
  OutputInput,
  OutputOutput,
  PrepareJobInput,
  PromptInput,
  PromptOutput,
  SubmitJobInput,
  SubmitJobOutput,
} from "../../machines/step-types.ts";
import { runMachine, type RunMachine } from "../../machines/run.ts";
import { stopJobsMachine } from "../../machines/stop-jobs.ts";
import { step, type Effect } from "./step.ts";
import { watched } from "../inspection/watched-machine.ts";

/** The effect of every step, by the name that the machines use. */
export interface RunEffects {
  readonly analyze: Effect<AnalyzeInput, AnalyzeOutput>;
  readonly prompt: Effect<PromptInput, PromptOutput>;
  readonly prepareJob: Effect<PrepareJobInput, PreparedJob>;
  readonly submitJob: Effect<SubmitJobInput, SubmitJobOutput>;
  readonly checkJob: Effect<CheckJobInput, CheckJobOutput>;
  readonly cancelJobs: Effect<CancelJobsInput, CancelJobsOutput>;
  readonly evaluate: Effect<EvaluateInput, EvaluateOutput>;
  readonly output: Effect<OutputInput, OutputOutput>;
}

/**
 * The one place where the machines' commands meet their effects. One bound machine serves every
 * run.
 */
export function bindRunMachine(effects: RunEffects): RunMachine {
  const stopJobs = watched(
    stopJobsMachine.provide({ actors: { cancelJobs: step("cancelJobs", effects.cancelJobs) } }),
  );
  const inferenceJob = watched(
    inferenceJobMachine.provide({
      actors: {
        prepareJob: step("prepareJob", effects.prepareJob, "patient"),
        submitJob: step("submitJob", effects.submitJob),
        checkJob: step("checkJob", effects.checkJob),
        stopJobs,
      },
    }),
  );
  return watched(
    runMachine.provide({
      actors: {
        analyze: step("analyze", effects.analyze, "patient"),
        prompt: step("prompt", effects.prompt, "patient"),
        evaluate: step("evaluate", effects.evaluate, "patient"),
        output: step("output", effects.output, "patient"),
        inferenceJob,
        stopJobs,
      },
    }),
  );
}
