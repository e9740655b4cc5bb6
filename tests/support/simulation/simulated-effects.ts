import { cancelJobs } from "../../../actors/steps/cancel-jobs.ts";
import { checkJob } from "../../../actors/steps/check-job.ts";
import type { StepPorts } from "../../../actors/ports.ts";
import { submitJob } from "../../../actors/steps/submit-job.ts";
import type {
  AnalyzeInput,
  EvaluateInput,
  PrepareJobInput,
  PromptInput,
} from "../../../machines/step-types.ts";
import type { RunEffects } from "../../../actors/host/bind-run-machine.ts";
import type { Effect } from "../../../actors/host/step.ts";
import { runOfJob } from "../../../machines/job-id.ts";
import { HaystackError } from "../../../errors.ts";
import { scriptedEffects, type ScriptedEffects } from "../scripted-effects.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { Machine, Shortages } from "./machine.ts";
import type { PlannedRun } from "./planned-runs.ts";
import type { Random } from "./random.ts";
import type { Witness } from "./witness.ts";

export interface SimulatedEffectsOptions {
  readonly process: DaemonProcess;
  readonly witness: Witness;
  readonly random: Random;
  readonly machine: Machine;
  readonly shortages: Shortages;
  /** Steps fail for good now and then. */
  readonly isFaulty: () => boolean;
  readonly ports: Pick<
    StepPorts,
    "batch" | "clock" | "compute" | "objects" | "reconcileMs" | "runs"
  >;
  /** The same in every process: what each run's science will say. */
  readonly runs: readonly PlannedRun[];
}

/**
 * The real steps towards Batch; science that takes its time and sometimes fails. Each start is told
 * to the witness.
 */
export function simulatedEffects({
  process,
  witness,
  random,
  machine,
  shortages,
  isFaulty,
  ports,
  runs,
}: SimulatedEffectsOptions): RunEffects {
  const now = (): number => process.clock.now();
  const real = ports as StepPorts;

  const faultOfStep = (): HaystackError | undefined => {
    if (isFaulty() && random.chance(0.02))
      return new HaystackError("INTERNAL", "The simulated step failed.");
    return machine.faultOf("step");
  };
  const work = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      shortages.isTriedAgain(signal);
      const fault = faultOfStep();
      process.later(random.between(5, 5_000), () => {
        if (fault === undefined) return resolve();
        if (!signal.aborted) shortages.met(fault.code, signal);
        reject(fault);
      });
      signal.addEventListener(
        "abort",
        () => reject(new HaystackError("STEP_ABORTED", "The simulated step was stopped.")),
        { once: true },
      );
    });
  const scripts = new Map(
    runs.map(({ run_id, scores, strategy }) => [
      run_id,
      scriptedEffects({ now, scores, strategy }),
    ]),
  );
  const unplanned = scriptedEffects({ now });
  const scriptOf = (runId: string): ScriptedEffects => scripts.get(runId) ?? unplanned;
  const started =
    <Input, Output>(
      name: string,
      describe: (input: Input) => { run_id: string; job_id?: string },
      effect: Effect<Input, Output>,
    ): Effect<Input, Output> =>
    (input, context) => {
      witness.effectStarted(process, { name, ...describe(input) });
      return effect(input, context);
    };
  const runOf = ({ run_id }: { readonly run_id: string }) => ({ run_id });
  const ofJob = ({
    run_id,
    job,
  }: {
    readonly run_id: string;
    readonly job: { readonly job_id: string };
  }) => ({ run_id, job_id: job.job_id });

  return {
    analyze: started("analyze", runOf, async (input: AnalyzeInput, context) => {
      await work(context.signal);
      return scriptOf(input.run_id).analyze(input, context);
    }),
    prompt: started("prompt", runOf, async (input: PromptInput, context) => {
      await work(context.signal);
      return scriptOf(input.run_id).prompt(input, context);
    }),
    prepareJob: started("prepareJob", runOf, async (_: PrepareJobInput, { signal }) => {
      await work(signal);
      return { found: {}, notes: {} };
    }),
    submitJob: started("submitJob", ofJob, submitJob(real)),
    checkJob: started("checkJob", ofJob, checkJob(real)),
    cancelJobs: started(
      "cancelJobs",
      ({ job_ids }) => ({ run_id: runOfJob(job_ids[0] ?? "") ?? "" }),
      cancelJobs(real),
    ),
    evaluate: started("evaluate", runOf, async (input: EvaluateInput, context) => {
      await work(context.signal);
      return scriptOf(input.run_id).evaluate(input, context);
    }),
    output: started(
      "output",
      ({ context }) => ({ run_id: context.run_id }),
      async (input, context) => {
        await work(context.signal);
        return scriptOf(input.context.run_id).output(input, context);
      },
    ),
  };
}
