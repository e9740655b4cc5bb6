import type { HaystackError } from "../errors.ts";
import type { JobRecord } from "../machines/run-types.ts";
import type { RunDocument } from "../services/runs/document.ts";
import type { OutboxEntry, TransitionEntry } from "../services/runs/index.ts";

/** One commit of a run that is durable. */
export interface RunChange {
  readonly before: RunDocument;
  readonly after: RunDocument;
  readonly entries: readonly TransitionEntry[];
  /** Attempts that ended with this change. */
  readonly ended_jobs: readonly JobRecord[];
}

/** One attempt to send a mail; times in milliseconds. */
export interface MailAttempt {
  readonly run_id: string;
  readonly entry: OutboxEntry;
  readonly started_at: number;
  readonly ended_at: number;
}

/**
 * What became of the news of a job: stored for its run, known already, of a job that runs a whole
 * run, of a run that the store does not have, or of a job that is not ours. All are acknowledged.
 */
export type JobEventOutcome = "stored" | "duplicate" | "run_job" | "unknown_run" | "foreign_job";

/**
 * What the actors report of their work to whoever measures it. Every hook may be absent, and then
 * costs nothing; none may throw.
 */
export interface Instruments {
  /** A step begins, its state durable; what is returned is called once, at its end. */
  readonly stepStarted?: (step: {
    readonly run_id: string;
    readonly name: string;
    readonly input: unknown;
  }) => (error: HaystackError | null) => void;
  /** One write holds the commits of so many runs. */
  readonly committed?: (write: { readonly runs: number; readonly milliseconds: number }) => void;
  readonly runChanged?: (change: RunChange) => void;
  readonly mailTried?: (attempt: MailAttempt) => void;
  readonly jobEventTaken?: (outcome: JobEventOutcome) => void;
  /** A look for work in the store has come to its end. */
  readonly swept?: () => void;
  readonly trouble?: (error: HaystackError) => void;
}

const hasEnded = ({ state }: JobRecord): boolean =>
  state === "succeeded" || state === "failed" || state === "cancelled";

/** Attempts that ended between two states of a run. */
export function endedJobs(
  before: readonly JobRecord[],
  after: readonly JobRecord[],
): readonly JobRecord[] {
  if (before === after) return [];
  const known = new Set(before.filter(hasEnded).map(({ job_id }) => job_id));
  return after.filter((job) => hasEnded(job) && !known.has(job.job_id));
}

/** Several as one; a hook that none of them has stays absent. */
export function combineInstruments(all: readonly Instruments[]): Instruments {
  const hooks = <Name extends keyof Instruments>(name: Name): NonNullable<Instruments[Name]>[] =>
    all.flatMap((one) => one[name] ?? []);
  const [started, committed, changed, tried, troubles] = [
    hooks("stepStarted"),
    hooks("committed"),
    hooks("runChanged"),
    hooks("mailTried"),
    hooks("trouble"),
  ];
  const taken = hooks("jobEventTaken");
  const swept = hooks("swept");
  return {
    ...(started.length === 0
      ? {}
      : {
          stepStarted(step) {
            const ends = started.map((hook) => hook(step));
            return (error) => ends.forEach((end) => end(error));
          },
        }),
    ...(committed.length === 0
      ? {}
      : { committed: (write) => committed.forEach((hook) => hook(write)) }),
    ...(changed.length === 0
      ? {}
      : { runChanged: (change) => changed.forEach((hook) => hook(change)) }),
    ...(tried.length === 0
      ? {}
      : { mailTried: (attempt) => tried.forEach((hook) => hook(attempt)) }),
    ...(taken.length === 0
      ? {}
      : { jobEventTaken: (outcome) => taken.forEach((hook) => hook(outcome)) }),
    ...(swept.length === 0 ? {} : { swept: () => swept.forEach((hook) => hook()) }),
    ...(troubles.length === 0
      ? {}
      : { trouble: (error) => troubles.forEach((hook) => hook(error)) }),
  };
}
