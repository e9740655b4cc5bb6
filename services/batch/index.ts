import type { Failures } from "../../each-apart.ts";
import { HaystackError } from "../../errors.ts";

/** Port: GPU (or local) inference jobs. */

/** Job ids are ours, deterministic and unique for ever. */
export const JOB_ID = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

export type Provisioning = "SPOT" | "STANDARD" | "FLEX_START";

/** Where a job is. */
export interface JobPlace {
  readonly project: string;
  readonly region: string;
}

/**
 * How a job is run and what it costs, as asked for at submit; the place is absent in older records,
 * for that of the configuration.
 */
export interface JobOffer extends Partial<JobPlace> {
  /** With its accelerators: "g2-standard-8 with 1 nvidia-l4". */
  readonly machine: string;
  readonly provisioning: Provisioning;
  readonly usd_per_hour: number;
}

/** Google Batch's own words. */
export type JobState =
  | "QUEUED"
  | "SCHEDULED"
  | "RUNNING"
  | "SUCCEEDED"
  | "FAILED"
  | "CANCELLATION_IN_PROGRESS"
  | "CANCELLED";

export const TERMINAL_JOB_STATES: ReadonlySet<JobState> = new Set([
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
]);

/**
 * Prompt and query cells in, predicted cells out: object paths. The job reads the first two and
 * writes the third by rename, with `{output}.metrics.json` beside it.
 */
export interface InferencePair {
  /** Unique within its job. */
  readonly name: string;
  readonly prompt: string;
  readonly query: string;
  readonly output: string;
}

/**
 * What stands beside an output and says of what work it came, by the end of its name: without it the
 * pair is predicted again. The first is the STACK worker's, the second that of the local executor,
 * for programs that keep none.
 */
export const DONE_NOTES = [".metrics.json", ".work.json"] as const;

export interface InferenceJobSpec {
  readonly job_id: string;
  readonly run_id: string;
  readonly iteration: number;
  /** A round is predicted by one job, or each kind of prediction by a job of its own. */
  readonly kind: "prediction" | "control" | "round";
  readonly attempt: number;
  /** At least one. Those that an earlier attempt stored are found, not predicted again. */
  readonly pairs: readonly InferencePair[];
  /** Object path of the pairs as `manifestOf` writes them, for programs that take several. */
  readonly manifest: string;
  readonly seed: number;
  readonly max_run_seconds: number;
  /** Digest of what prompt and query were drawn by. Absent where an earlier release chose them. */
  readonly inputs?: string;
  /** Absent: the adapter's first one. */
  readonly offer?: JobOffer;
}

/** A job, and where it is: by its offer. */
export interface PlacedJob {
  readonly job_id: string;
  readonly offer?: JobOffer | null;
}

/**
 * The text of a manifest: the pairs, with paths relative to its own folder, which holds wherever the
 * objects are mounted (docs/stack-worker.md). Every file lies below that folder.
 */
export function manifestOf(manifest: string, pairs: readonly InferencePair[]): string {
  const folder = manifest.slice(0, manifest.lastIndexOf("/") + 1);
  const within = (path: string): string => {
    if (!path.startsWith(folder)) throw new Error(`${path} is not below ${folder}.`);
    return path.slice(folder.length);
  };
  const listed = pairs.map(({ name, prompt, query, output }) => ({
    name,
    prompt: within(prompt),
    query: within(query),
    output: within(output),
  }));
  return `${JSON.stringify({ version: 1, pairs: listed }, null, 1)}\n`;
}

export type JobFailureKind = "transient" | "preempted" | "application" | "over_time";

export interface JobFailure {
  readonly kind: JobFailureKind;
  /** One plain sentence. */
  readonly reason: string;
  readonly exit_code: number | null;
  /** How often the same job is worth another attempt; absent: as often as the run allows. */
  readonly repeats?: "never" | "once";
}

export type JobHoldKind = "capacity" | "quota" | "permission" | "invalid" | "other";

/** What keeps a job from its machine. */
export interface JobHold {
  readonly kind: JobHoldKind;
  /** One plain sentence. */
  readonly reason: string;
}

export interface JobStatus {
  readonly job_id: string;
  readonly state: JobState;
  /** Present when FAILED. */
  readonly failure?: JobFailure;
  /** When its program began, in milliseconds; absent before, and where that is not known. */
  readonly started_at?: number;
  /** It FAILED or was CANCELLED for want of a machine: the same job may find another one. */
  readonly shortage?: true;
  /** What Batch last said of a job that has no machine yet; absent where it said nothing. */
  readonly held?: JobHold;
  /** Seconds for which the job had its machine, when known: what is paid for. */
  readonly run_seconds?: number;
}

/** The output itself, or a sentence that says where it is. */
export type JobOutput = { readonly text: string } | { readonly elsewhere: string };

/** Port: whole runs as CPU jobs that execute `haystack job`. */
export interface RunJobs {
  /** Idempotent by job id like BatchService.submit; returns how the job stands. */
  submit(
    spec: { readonly job_id: string; readonly run_id: string },
    signal?: AbortSignal,
  ): Promise<JobState>;
  cancel(jobId: string, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Port: a job that copies one object to another, by the bucket as it is mounted for GPU jobs. */
export interface TrialJobs {
  submit(
    spec: { readonly job_id: string; readonly from: string; readonly to: string },
    signal?: AbortSignal,
  ): Promise<void>;
  get(jobId: string, signal?: AbortSignal): Promise<JobStatus | undefined>;
  cancel(jobId: string, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface ImportJobSpec {
  readonly job_id: string;
  readonly import_id: string;
  readonly attempt: number;
  /** Each on a machine of its own; a repeated one does what is left of it. */
  readonly tasks: number;
  readonly source_bytes: number;
  /** Whether the source grows when it is read. */
  readonly is_packed: boolean;
}

/** Port: imports that the tasks of a CPU job share; each executes `haystack job`. */
export interface ImportJobs {
  /** Idempotent by job id like BatchService.submit; returns how the job stands. */
  submit(spec: ImportJobSpec, signal?: AbortSignal): Promise<JobStatus>;
  close(): Promise<void>;
}

/** What predicts, for files, report and mail. */
export interface Model {
  readonly name: string;
  readonly is_baseline: boolean;
}

/** The built-in baseline is called so wherever it runs, and is labelled as one everywhere. */
export const modelNamed = (name: string): Model => ({
  name,
  is_baseline: name === "delta-transfer",
});

/**
 * A run that is taken up from an old copy of its store may choose another prompt than it did before:
 * the job of that name then predicts something else. Error JOB_NOT_OURS.
 */
export function checkInputs(
  jobId: string,
  before: string | undefined,
  now: string | undefined,
): void {
  if (before === undefined || now === undefined || before === now) return;
  throw new HaystackError(
    "JOB_NOT_OURS",
    `The job ${jobId} was begun for another prompt than the run has now, as happens when runs are restored from a copy; ask the question anew.`,
  );
}

export interface BatchService {
  /**
   * Idempotent by job id: a job of that id that carries our run id is adopted; another one's, or one
   * for other inputs, is JOB_NOT_OURS. Returns the present state.
   */
  submit(spec: InferenceJobSpec, signal?: AbortSignal): Promise<JobStatus>;
  /**
   * The truth; undefined when Batch does not know the job (which right after submit may be only
   * late: see notFoundGraceMs).
   */
  get(jobId: string, signal?: AbortSignal, at?: Partial<JobPlace>): Promise<JobStatus | undefined>;
  /**
   * How many jobs stand, by their ids, in fewer requests than one for each, and of one that cannot
   * be read why; those that Batch does not know are left out. Absent where a request costs nothing.
   */
  look?(
    jobs: readonly PlacedJob[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, JobStatus | HaystackError>>;
  /**
   * Asks for cancellation; returns at once. Unknown or terminal jobs: no error. The job is stopped
   * only when get says a terminal state.
   */
  cancel(jobId: string, signal?: AbortSignal, at?: Partial<JobPlace>): Promise<void>;
  /** What the program of a job said; undefined when Batch does not know the job. */
  output(
    jobId: string,
    signal?: AbortSignal,
    at?: Partial<JobPlace>,
  ): Promise<JobOutput | undefined>;
  /** For how long after submit an unknown job may still appear. */
  readonly notFoundGraceMs: number;
  /**
   * What a job gets that lost or lacked its machine so often before, and was moved on so often; null
   * where nothing is paid for.
   */
  offer(losses: number, moves?: number): JobOffer | null;
  /**
   * For how long a job waits for the machine of the offer before it is moved to the next one, in
   * milliseconds. Undefined, also by absence, where there is no next one.
   */
  moveAfterMs?(offer: JobOffer): number | undefined;
  readonly model: Model;
  /**
   * All that is said here of the program that predicts: another text, maybe another prediction.
   * Absent where a prediction costs nothing.
   */
  readonly predictor?: string;
  /**
   * Removes all that is kept of those jobs that have ended, and tells of those of which it cannot.
   * Absent where the service forgets its jobs by itself.
   */
  forget?(isMeant: (jobId: string) => boolean): Promise<Failures | undefined>;
  /**
   * Rejects unless jobs can be made and looked at here: place, credentials and permissions are
   * right. Absent where nothing can be wrong.
   */
  check?(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
