import { HaystackError, toHaystackError } from "../../../errors.ts";
import {
  type GoogleJob,
  type GoogleJobSettings,
  identityOf,
  inferenceWork,
  inputsLabel,
  inputsOf,
  jobBody,
} from "./job.ts";
import type { GoogleBatchPlace } from "./client.ts";
import { googleBatchJobs } from "./jobs.ts";
import { jobStatus } from "./status.ts";
import {
  type BatchService,
  checkInputs,
  JOB_ID,
  type JobStatus,
  modelNamed,
  type Provisioning,
} from "../index.ts";

export interface GoogleBatchOptions extends GoogleBatchPlace, GoogleJobSettings {
  /** Name of the model that the image runs, for files and report. */
  readonly model: string;
  /** Name of the whole machine with its accelerators in the ledger, and its prices. */
  readonly machine: string;
  readonly usdPerHour: Readonly<Record<Provisioning, number>>;
  /** Default SPOT. */
  readonly provisioning?: Provisioning;
  /** A job that lost so many Spot machines gets a standard one. Default 2. */
  readonly spotPreemptions?: number;
  readonly notFoundGraceMs?: number;
}

const NOT_FOUND_GRACE_MS = 5 * 60_000;
const SPOT_PREEMPTIONS = 2;
/** So many jobs are read one by one; more by one list. */
const FEW_JOBS = 4;

/**
 * Inference jobs on Google Batch. Errors of the calls: BATCH_UNAVAILABLE, BATCH_QUOTA,
 * BATCH_REFUSED, JOB_NOT_OURS, STEP_ABORTED.
 */
export function googleBatch(options: GoogleBatchOptions): BatchService {
  const {
    provisioning = "SPOT",
    spotPreemptions = SPOT_PREEMPTIONS,
    usdPerHour,
    machine,
  } = options;
  const jobs = googleBatchJobs(options);

  const statusOf = async (
    jobId: string,
    job: GoogleJob,
    signal: AbortSignal | undefined,
  ): Promise<JobStatus> =>
    jobStatus(jobId, job, job.status?.state === "FAILED" ? await jobs.tasks(jobId, signal) : []);

  const one = async (jobId: string, signal: AbortSignal | undefined) => {
    const job = await jobs.get(jobId, signal);
    return job === undefined ? undefined : statusOf(jobId, job, signal);
  };

  const listed = async (
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, GoogleJob>> => {
    try {
      const found = await jobs.unfinished(signal);
      return new Map(found.map((job) => [job.name?.split("/").at(-1) ?? "", job]));
    } catch (thrown) {
      // An account that may not list jobs may read each.
      if (toHaystackError(thrown).code === "BATCH_REFUSED") return new Map();
      throw thrown;
    }
  };

  const lookAt = async (
    jobIds: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, JobStatus>> => {
    const known = jobIds.length > FEW_JOBS ? await listed(signal) : new Map<string, GoogleJob>();
    const found = await Promise.all(
      jobIds.map((jobId) => {
        const job = known.get(jobId);
        return job === undefined ? one(jobId, signal) : jobStatus(jobId, job, []);
      }),
    );
    return new Map(found.flatMap((status) => (status ? [[status.job_id, status]] : [])));
  };

  return {
    model: modelNamed(options.model),
    notFoundGraceMs: options.notFoundGraceMs ?? NOT_FOUND_GRACE_MS,
    offer(preemptions) {
      const chosen = provisioning === "SPOT" && preemptions < spotPreemptions ? "SPOT" : "STANDARD";
      return { machine, provisioning: chosen, usd_per_hour: usdPerHour[chosen] };
    },
    async submit(spec, signal) {
      if (!JOB_ID.test(spec.job_id))
        throw new HaystackError(
          "USAGE",
          `${JSON.stringify(spec.job_id)} is not a job id: use at most 63 lower-case letters, digits and hyphens.`,
        );
      const work = inferenceWork(spec, options, spec.provisioning ?? provisioning);
      const job = await jobs.submit(
        spec.job_id,
        jobBody(options, work, options.location),
        identityOf(spec),
        signal,
      );
      checkInputs(spec.job_id, inputsOf(job), inputsLabel(spec));
      return statusOf(spec.job_id, job, signal);
    },
    async get(jobId, signal) {
      return JOB_ID.test(jobId) ? one(jobId, signal) : undefined;
    },
    look: (jobIds, signal) => lookAt(jobIds, signal),
    async output(jobId, signal) {
      const job = JOB_ID.test(jobId) ? await jobs.get(jobId, signal) : undefined;
      return job === undefined
        ? undefined
        : {
            elsewhere: `Cloud Logging has it: gcloud logging read 'labels.job_uid="${job.uid ?? ""}"' --project=${options.project} --order=asc --format='value(textPayload)'`,
          };
    },
    async cancel(jobId, signal) {
      if (JOB_ID.test(jobId)) await jobs.cancel(jobId, signal);
    },
    check: (signal) => jobs.check(signal),
    close: () => jobs.close(),
  };
}
