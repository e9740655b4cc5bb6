import { cancelJobs } from "../../../actors/steps/cancel-jobs.ts";
import { checkJob } from "../../../actors/steps/check-job.ts";
import type { StepPorts } from "../../../actors/ports.ts";
import { submitJob } from "../../../actors/steps/submit-job.ts";
import type {
  AnalyzeInput,
  EvaluateInput,
  PrepareJobInput,
  PromptInput,
} from "../../../machines/run-types.ts";
import type { RunEffects } from "../../../actors/host/bind-run-machine.ts";
import type { Effect } from "../../../actors/host/step.ts";
import { runOfJob } from "../../../machines/job-id.ts";
import { type ErrorCode, HaystackError } from "../../../errors.ts";
import { scriptedEffects, type ScriptedEffects } from "../scripted-effects.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { Random } from "./random.ts";
import type { PlannedRun } from "./scenario.ts";
import type { Fault, Witness } from "./witness.ts";

/** Faults of the machine that pass: a step that meets one begins again. */
type Passing = readonly [fault: Fault, code: ErrorCode];
const PASSING: readonly [Passing, ...Passing[]] = [
  ["compute killed", "COMPUTE_ENDED"],
  ["disk full", "DISK_FULL"],
  ["too many files", "TOO_MANY_FILES"],
];

export interface SimulatedEffectsOptions {
  readonly process: DaemonProcess;
  readonly witness: Witness;
  readonly random: Random;
  /** Of the faults of the machine. */
  readonly machine: Random;
  readonly faultsUntil: number;
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
  faultsUntil,
  ports,
  runs,
}: SimulatedEffectsOptions): RunEffects {
  const now = (): number => process.clock.now();
  const real = ports as StepPorts;

  const faultOfStep = (): HaystackError | undefined => {
    if (now() >= faultsUntil) return undefined;
    if (random.chance(0.02)) return new HaystackError("INTERNAL", "The simulated step failed.");
    if (!machine.chance(0.08)) return undefined;
    const [fault, code] = machine.pick(PASSING);
    witness.fault(fault);
    return new HaystackError(code, `The simulated machine had its fault (${fault}).`);
  };
  const work = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const fault = faultOfStep();
      process.later(random.between(5, 5_000), () =>
        fault === undefined ? resolve() : reject(fault),
      );
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
