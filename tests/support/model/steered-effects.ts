import type { RunEffects } from "../../../actors/host/bind-run-machine.ts";
import type { Effect } from "../../../actors/host/step.ts";
import { HaystackError } from "../../../errors.ts";
import type {
  CheckJobInput,
  CheckJobOutput,
  PrepareJobInput,
  SubmitJobInput,
  SubmitJobOutput,
} from "../../../machines/step-types.ts";
import { invocations, type Persisted } from "../persisted-steps.ts";
import { scriptedEffects, scriptedFound, scriptedOutputs } from "../scripted-effects.ts";
import type { DaemonProcess } from "../simulation/daemon-process.ts";
import type { Answer, SteeredEffect } from "./model-path.ts";

export type CrashPoint =
  | "before the commit"
  | "after the commit"
  | "after the effect"
  | "after the acknowledgement"
  /** The store has no room for the commit at first; nobody dies. */
  | "on a full disk";
export const CRASH_POINTS: readonly CrashPoint[] = [
  "before the commit",
  "after the commit",
  "after the effect",
  "after the acknowledgement",
  "on a full disk",
];
export const CHECK_MS = 1_000;
/** Why Batch has no machine for a job. */
export const HOLD = { kind: "quota", reason: "no quota" } as const;

export interface WaitingStep {
  readonly settle: (answer: Answer) => void;
  readonly signal: AbortSignal;
}

/** What the steps of all processes of a run share. */
export interface SteeredWorld {
  readonly now: () => number;
  readonly performed: string[];
  readonly jobs: Map<string, "RUNNING" | "CANCELLED">;
  readonly jobsCreated: string[];
  readonly violations: string[];
  /** The newest snapshot that a living process knows to be stored. */
  readonly acknowledged: string | null;
  strikes(point: CrashPoint, of: "act" | "mail"): boolean;
  crash(process: DaemonProcess): void;
  happened(): void;
}

export const never = <Value>(): Promise<Value> => new Promise(() => undefined);

/**
 * The steps of one process: each begins, waits in `waiting` to be told what comes of it, takes
 * effect in the world, and returns.
 */
export function steeredEffects(
  world: SteeredWorld,
  process: DaemonProcess,
  waiting: Map<SteeredEffect, WaitingStep>,
): RunEffects {
  const checkStart = (name: SteeredEffect, jobId: string | undefined): void => {
    const [step] = name.split(":");
    const started =
      world.acknowledged === null ? [] : invocations(JSON.parse(world.acknowledged) as Persisted);
    if (!process.alive) world.violations.push(`${name} began in a dead process`);
    if (
      !started.some(
        ({ id, context }) => id === step && (jobId === undefined || context.job?.job_id === jobId),
      )
    )
      world.violations.push(`D2: ${name} ${jobId ?? ""} began before its state was acknowledged`);
  };

  /** The step begins, waits for its answer, takes effect in the world, and returns. */
  const steered =
    <Input, Output>(
      name: (input: Input) => SteeredEffect,
      jobOf: (input: Input) => string | undefined,
      perform: (input: Input, answer: Answer) => Promise<Output> | Output,
    ): Effect<Input, Output> =>
    async (input, { signal }) => {
      const effect = name(input);
      checkStart(effect, jobOf(input));
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      waiting.set(effect, { settle: resolve, signal });
      world.happened();
      const abort = (): void => {
        if (waiting.get(effect)?.signal === signal) waiting.delete(effect);
        reject(new HaystackError("STEP_ABORTED", "The steered step was stopped."));
      };
      signal.addEventListener("abort", abort, { once: true });
      const answer = await promise;
      waiting.delete(effect);
      if (!process.alive) return never();
      const answers = answer.kind !== "error" && answer.kind !== "malformed";
      const output = answers ? await perform(input, answer) : undefined;
      if (answers && answer.kind !== "postponed")
        world.performed.push([effect, jobOf(input)].filter((part) => part !== undefined).join(" "));
      if (world.strikes("after the effect", "act")) {
        world.crash(process);
        return never();
      }
      if (answer.kind === "error") throw new HaystackError(answer.error.code, answer.error.message);
      return output as Output;
    };

  const now = (): number => world.now();
  const idle = {
    signal: new AbortController().signal,
    quiesce: () => Promise.resolve(),
    resumed: false,
  };
  const science = (answer: Answer) =>
    scriptedEffects({
      now,
      ...(answer.kind === "score" ? { scores: [answer.score] } : {}),
      ...(answer.kind === "understood" ? { strategy: answer.strategy } : {}),
    });
  const none = (): undefined => undefined;
  const jobIdOf = ({ job }: SubmitJobInput | CheckJobInput): string => job.job_id;
  return {
    analyze: steered(
      () => "analyze",
      none,
      (input, answer) => science(answer).analyze(input, idle),
    ),
    prompt: steered(
      () => "prompt",
      none,
      (input, answer) => science(answer).prompt(input, idle),
    ),
    prepareJob: steered(
      ({ kind }: PrepareJobInput) => `prepareJob:${kind}`,
      none,
      ({ kind, pairs }, answer) => ({
        found: answer.kind === "found" ? scriptedFound(kind, pairs) : {},
        notes: {},
      }),
    ),
    submitJob: steered(
      ({ job }: SubmitJobInput) => `submitJob:${job.kind}`,
      jobIdOf,
      ({ job }, answer): SubmitJobOutput => {
        if (answer.kind === "postponed")
          return { problem: "no quota", troubled_since: now(), try_at: now() + CHECK_MS };
        if (!world.jobs.has(job.job_id)) world.jobsCreated.push(job.job_id);
        world.jobs.set(job.job_id, world.jobs.get(job.job_id) ?? "RUNNING");
        return {
          offer: null,
          now: now(),
          deadline_at: now() + 3_600_000,
          check_at: now() + CHECK_MS,
        };
      },
    ),
    checkJob: steered(
      ({ job }: CheckJobInput) => `checkJob:${job.kind}`,
      jobIdOf,
      ({ job, pairs }, answer): CheckJobOutput => {
        if (answer.kind === "failed") {
          const error = {
            code: "JOB_FAILED" as const,
            message: "The steered job failed.",
            retryable: answer.retryable,
          };
          return {
            verdict: "failed",
            kind: "application",
            error,
            retry_at: now() + CHECK_MS,
            run_seconds: 1,
          };
        }
        if (answer.kind === "held")
          return { verdict: "waiting", now: now(), check_at: now() + CHECK_MS, held: HOLD };
        if (answer.kind === "verdict" && answer.verdict === "waiting")
          return { verdict: "waiting", now: now(), check_at: now() + CHECK_MS };
        if (answer.kind === "verdict" && answer.verdict === "overdue")
          return {
            verdict: "overdue",
            error: new HaystackError("JOB_DEADLINE_PASSED", "The steered job is late.").toRecord(),
          };
        return {
          verdict: "succeeded",
          outputs: scriptedOutputs(job, pairs),
          run_seconds: 1,
        };
      },
    ),
    cancelJobs: steered(
      () => "cancelJobs",
      none,
      ({ job_ids, asked_at }, answer) => {
        const remain = answer.kind === "jobs remain";
        for (const id of remain ? [] : job_ids)
          if (world.jobs.has(id)) world.jobs.set(id, "CANCELLED");
        return {
          remaining: remain ? job_ids : [],
          asked_at: asked_at ?? now(),
          check_at: now() + CHECK_MS,
          run_seconds: {},
        };
      },
    ),
    evaluate: steered(
      () => "evaluate",
      none,
      (input, answer) => science(answer).evaluate(input, idle),
    ),
    output: steered(
      () => "output",
      none,
      (input, answer) => science(answer).output(input, idle),
    ),
  };
}
