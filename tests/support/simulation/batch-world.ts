import { HaystackError } from "../../../errors.ts";
import {
  TERMINAL_JOB_STATES,
  type BatchService,
  type InferenceJobSpec,
  type JobState,
  type JobStatus,
} from "../../../services/batch/index.ts";
import type { JobChanged } from "../../../services/job-events/index.ts";
import type { Clock } from "../../../services/clock/index.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";
import { storedPairs } from "./stored-pairs.ts";
import type { Fault } from "./witness.ts";

/**
 * Google Batch as it behaves on bad days: late to know its own jobs, queued jobs that fail, old
 * preemption news before a success.
 */
export interface BatchWorld {
  /** `machine`: where the folders of the jobs are. */
  readonly client: (network: Network, machine: Machine) => BatchService;
  /** What is true, whatever `get` says. */
  readonly jobs: ReadonlyMap<string, SimulatedJob>;
  /** An object was removed. */
  readonly removed: (path: string) => void;
}

export interface SimulatedJob {
  readonly spec: InferenceJobSpec;
  readonly visible_at: number;
  readonly created_at: number;
  readonly output_valid: boolean;
  state: JobState;
  /** It does nothing more, and its stop is not confirmed for long. */
  frozen?: true;
  /** Since when it is being cancelled; until it has ended. */
  stopping_since?: number;
  failure?: NonNullable<JobStatus["failure"]>;
}

export interface BatchWorldOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly faultsUntil: number;
  readonly publish: (event: JobChanged) => void;
  readonly onSubmitted: (spec: InferenceJobSpec, isNew: boolean) => void;
  readonly onState: (jobId: string, state: JobState) => void;
  readonly onFault: (kind: Fault) => void;
  /** Decides after how many of its pairs a job ends that does not succeed. */
  readonly pairs: Random;
  /** A pair was predicted again after its output was stored. */
  readonly onRepeated: (pair: string) => void;
  /** US dollars; null where nothing is paid for. */
  readonly usdPerHour: number | null;
}

const NOT_FOUND_GRACE_MS = 300_000;
const LONGEST_INVISIBLE_MS = 280_000;
const LEAST_FROZEN_MS = 1_800_000;
const LONGEST_FROZEN_MS = 3_600_000;

export const isRunningJob = ({ state }: SimulatedJob): boolean => !TERMINAL_JOB_STATES.has(state);

export function batchWorld(options: BatchWorldOptions): BatchWorld {
  const { clock, random } = options;
  const jobs = new Map<string, SimulatedJob>();
  const stored = storedPairs(options.onRepeated);
  let eventCount = 0;

  const announce = (job: SimulatedJob, state: JobState): void =>
    options.publish({ event_id: `event-${++eventCount}`, job_id: job.spec.job_id, state });
  const change = (job: SimulatedJob, state: JobState): void => {
    if (!isRunningJob(job)) return;
    job.state = state;
    if (state === "CANCELLATION_IN_PROGRESS") job.stopping_since = clock.now();
    else delete job.stopping_since;
    options.onState(job.spec.job_id, state);
    announce(job, state);
  };
  const after = (ms: number, work: () => void): void => void clock.at(clock.now() + ms, work);
  const fail = (
    job: SimulatedJob,
    kind: "preempted" | "transient" | "application" | "over_time",
  ): void => {
    if (!isRunningJob(job)) return;
    options.onFault(job.state === "QUEUED" ? "queued job failed" : kind);
    job.failure = {
      kind,
      reason: "the simulated job failed",
      exit_code: kind === "preempted" ? 50_001 : 1,
    };
    change(job, "FAILED");
  };

  /** It comes as far as this before it ends otherwise than well. */
  const interrupt = (job: SimulatedJob): void => {
    if (job.state !== "RUNNING") return;
    const left = stored.left(job.spec);
    const many = options.pairs.between(0, left);
    stored.work(job.spec, many);
    if (many > 0 && many < left) options.onFault("round interrupted");
  };
  const succeed = (job: SimulatedJob): void => {
    if (isRunningJob(job)) stored.work(job.spec, job.spec.pairs.length);
    change(job, "SUCCEEDED");
  };

  /** What will become of a job when nobody interferes. */
  const live = (job: SimulatedJob): void => {
    const faulty = clock.now() < options.faultsUntil;
    const queued = random.between(1, 60_000);
    const ends = queued + random.between(2_000, 200_000);
    if (faulty && random.chance(0.05)) return after(queued, () => fail(job, "transient"));
    after(queued, () => {
      if (job.state === "QUEUED") change(job, "RUNNING");
    });
    if (faulty && random.chance(0.03)) {
      job.frozen = true;
      return after(ends, () => interrupt(job));
    }
    if (faulty && random.chance(0.04)) {
      options.onFault("job hangs");
      return after(ends, () => interrupt(job));
    }
    if (faulty && random.chance(0.15))
      return after(ends, () => {
        interrupt(job);
        fail(job, random.pick(["preempted", "preempted", "transient", "application", "over_time"]));
      });
    if (faulty && random.chance(0.01)) {
      options.onFault("job cancelled by others");
      return after(ends, () => {
        interrupt(job);
        change(job, "CANCELLED");
      });
    }
    if (random.chance(0.1)) {
      options.onFault("old news of a failure");
      after(ends - 1_000, () => announce(job, "FAILED"));
    }
    after(ends, () => succeed(job));
  };

  const submit = (spec: InferenceJobSpec): JobStatus => {
    const known = jobs.get(spec.job_id);
    options.onSubmitted(spec, known === undefined);
    if (known !== undefined) {
      if (known.spec.run_id !== spec.run_id)
        throw new HaystackError("JOB_NOT_OURS", `The job ${spec.job_id} is another run's.`);
      return statusOf(known);
    }
    const faulty = clock.now() < options.faultsUntil;
    const invisibleMs =
      faulty && random.chance(0.2) ? random.between(1_000, LONGEST_INVISIBLE_MS) : 0;
    const job: SimulatedJob = {
      spec,
      visible_at: clock.now() + invisibleMs,
      created_at: clock.now(),
      output_valid: !(faulty && random.chance(0.03)),
      state: "QUEUED",
    };
    jobs.set(spec.job_id, job);
    if (!job.output_valid) options.onFault("no output");
    options.onState(spec.job_id, "QUEUED");
    live(job);
    return statusOf(job);
  };

  const statusOf = (job: SimulatedJob): JobStatus => ({
    job_id: job.spec.job_id,
    state: job.state,
    run_seconds: Math.round((clock.now() - job.created_at) / 1_000),
    ...(job.failure === undefined ? {} : { failure: job.failure }),
  });
  const visible = (jobId: string): SimulatedJob | undefined => {
    const job = jobs.get(jobId);
    return job !== undefined && clock.now() >= job.visible_at ? job : undefined;
  };

  const cancel = (jobId: string): void => {
    const job = visible(jobId);
    if (job === undefined || !isRunningJob(job) || job.state === "CANCELLATION_IN_PROGRESS") return;
    change(job, "CANCELLATION_IN_PROGRESS");
    if (job.frozen === true) options.onFault("runner frozen");
    const ending =
      job.frozen === true
        ? random.between(LEAST_FROZEN_MS, LONGEST_FROZEN_MS)
        : random.between(100, 60_000);
    after(ending, () => change(job, "CANCELLED"));
  };

  return {
    jobs,
    removed: stored.removed,
    client: ({ call }, { faultOf }) => ({
      submit: (spec, signal) =>
        call(() => {
          const fault = faultOf("job");
          if (fault !== undefined) throw fault;
          return submit(spec);
        }, signal),
      get: (jobId, signal) =>
        call(() => {
          const job = visible(jobId);
          if (job === undefined && jobs.has(jobId)) options.onFault("job not found");
          return job === undefined ? undefined : statusOf(job);
        }, signal),
      cancel: (jobId, signal) => call(() => cancel(jobId), signal),
      offer: () =>
        options.usdPerHour === null
          ? null
          : { machine: "simulated", provisioning: "SPOT", usd_per_hour: options.usdPerHour },
      output: () => Promise.resolve(undefined),
      notFoundGraceMs: NOT_FOUND_GRACE_MS,
      model: { name: "simulated", is_baseline: true },
      close: () => Promise.resolve(),
    }),
  };
}
