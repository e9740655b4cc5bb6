import { HaystackError, toHaystackError } from "../../../errors.ts";
import { GRPC, grpcCode } from "../../http/grpc-reason.ts";
import { type GoogleJob, type GoogleJobSettings, inferenceWork, jobBody } from "./job.ts";
import { identityOf, inputsLabel, inputsOf } from "./labels.ts";
import type { GoogleBatchPlace } from "./client.ts";
import { type GoogleBatchJobs, googleBatchJobs } from "./jobs.ts";
import { chooseOffer, type OfferRules, moveAfter, settingsOf } from "./offers.ts";
import { jobStatus } from "./status.ts";
import {
  type BatchService,
  checkInputs,
  JOB_ID,
  type JobPlace,
  type JobStatus,
  modelNamed,
} from "../index.ts";

export interface GoogleBatchOptions
  extends GoogleBatchPlace, Omit<GoogleJobSettings, "machineType" | "accelerator">, OfferRules {
  /** Name of the model that the image runs, for files and report. */
  readonly model: string;
  readonly notFoundGraceMs?: number;
}

const NOT_FOUND_GRACE_MS = 5 * 60_000;
/** So many jobs are read one by one; more by one list. */
const FEW_JOBS = 4;
/** Of an answer that came and cannot be used, as where one of many jobs cannot be decoded. */
const SPOILT: ReadonlySet<number | undefined> = new Set([GRPC.INTERNAL, GRPC.DATA_LOSS]);

/**
 * The verdict on a failed job by its own words, as where an account may not list its tasks: one that
 * waited for them would wait for ever.
 */
const withoutTasks = ({ failure, ...status }: JobStatus, refusal: HaystackError): JobStatus => ({
  ...status,
  ...(failure === undefined
    ? {}
    : {
        failure:
          failure.exit_code === null
            ? {
                ...failure,
                reason: `${failure.reason} Its tasks were not read: ${refusal.message}`,
              }
            : failure,
      }),
});

/** Another kind of machine may compute other values. */
const predictorOf = ({ model, image, entrypoint, environment, offers }: GoogleBatchOptions) =>
  JSON.stringify([
    model,
    image,
    entrypoint ?? null,
    Object.entries(environment ?? {}).toSorted(([one], [other]) => (one < other ? -1 : 1)),
    [...new Set(offers.map(({ machine }) => machine))].toSorted(),
  ]);

/**
 * Inference jobs on Google Batch. Errors of the calls: BATCH_UNAVAILABLE, BATCH_QUOTA,
 * BATCH_REFUSED, JOB_NOT_OURS, STEP_ABORTED. Of the options: CONFIG_INVALID.
 */
export function googleBatch(options: GoogleBatchOptions): BatchService {
  const places = new Map<string, GoogleBatchJobs>();

  const placeOf = (at: Partial<JobPlace> | null | undefined): JobPlace => ({
    project: at?.project ?? options.project,
    region: at?.region ?? options.location,
  });

  const jobsAt = (at: Partial<JobPlace> | null | undefined): GoogleBatchJobs => {
    const { project, region: location } = placeOf(at);
    const name = `${project}/${location}`;
    const jobs = places.get(name) ?? googleBatchJobs({ ...options, project, location });
    places.set(name, jobs);
    return jobs;
  };
  jobsAt(null); // a place that nothing can be asked at is refused before a job is made

  const statusOf = async (
    jobs: GoogleBatchJobs,
    jobId: string,
    job: GoogleJob,
    signal: AbortSignal | undefined,
  ): Promise<JobStatus> => {
    if (job.status?.state !== "FAILED") return jobStatus(jobId, job, []);
    try {
      return jobStatus(jobId, job, await jobs.tasks(jobId, signal));
    } catch (thrown) {
      const refusal = toHaystackError(thrown);
      if (refusal.code !== "BATCH_REFUSED") throw thrown;
      return withoutTasks(jobStatus(jobId, job, []), refusal);
    }
  };

  const one = async (jobs: GoogleBatchJobs, jobId: string, signal: AbortSignal | undefined) => {
    const job = JOB_ID.test(jobId) ? await jobs.get(jobId, signal) : undefined;
    return job === undefined ? undefined : statusOf(jobs, jobId, job, signal);
  };

  const listed = async (
    jobs: GoogleBatchJobs,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, GoogleJob>> => {
    try {
      const found = await jobs.unfinished(signal);
      return new Map(found.map((job) => [job.name?.split("/").at(-1) ?? "", job]));
    } catch (thrown) {
      // An account that may not list jobs may read each, as may one whose list holds what it cannot
      // decode.
      const { code, cause } = toHaystackError(thrown);
      if (code === "BATCH_REFUSED" || SPOILT.has(grpcCode(cause))) return new Map();
      throw thrown;
    }
  };

  const lookAt = async (
    jobs: GoogleBatchJobs,
    jobIds: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<(readonly [string, JobStatus | HaystackError | undefined])[]> => {
    const known =
      jobIds.length > FEW_JOBS ? await listed(jobs, signal) : new Map<string, GoogleJob>();
    return Promise.all(
      jobIds.map(async (jobId) => {
        const job = known.get(jobId);
        try {
          const status =
            job === undefined ? await one(jobs, jobId, signal) : jobStatus(jobId, job, []);
          return [jobId, status] as const;
        } catch (thrown) {
          if (signal?.aborted === true) throw thrown;
          return [jobId, toHaystackError(thrown)] as const;
        }
      }),
    );
  };

  return {
    model: modelNamed(options.model),
    predictor: predictorOf(options),
    notFoundGraceMs: options.notFoundGraceMs ?? NOT_FOUND_GRACE_MS,
    offer: (losses, moves = 0) => chooseOffer(options, losses, moves) ?? null,
    moveAfterMs: (offer) => moveAfter(options, offer),
    async submit(spec, signal) {
      if (!JOB_ID.test(spec.job_id))
        throw new HaystackError(
          "USAGE",
          `${JSON.stringify(spec.job_id)} is not a job id: use at most 63 lower-case letters, digits and hyphens.`,
        );
      const offer = spec.offer ?? chooseOffer(options, 0, 0);
      if (offer === undefined)
        throw new HaystackError("CONFIG_INVALID", "BATCH_OFFERS has no machine; add one.");
      const { region } = placeOf(offer);
      const settings = settingsOf(options, offer, region);
      const jobs = jobsAt(offer);
      const job = await jobs.submit(
        spec.job_id,
        jobBody(settings, inferenceWork(spec, settings, offer.provisioning), region),
        identityOf(spec),
        signal,
      );
      checkInputs(spec.job_id, inputsOf(job), inputsLabel(spec));
      return statusOf(jobs, spec.job_id, job, signal);
    },
    get: (jobId, signal, at) => one(jobsAt(at), jobId, signal),
    async look(asked, signal) {
      const byPlace = Map.groupBy(asked, ({ offer }) => jobsAt(offer));
      const found = await Promise.all(
        [...byPlace].map(([jobs, placed]) =>
          lookAt(
            jobs,
            placed.map(({ job_id }) => job_id),
            signal,
          ),
        ),
      );
      return new Map(
        found.flat().flatMap(([id, seen]) => (seen === undefined ? [] : [[id, seen] as const])),
      );
    },
    async output(jobId, signal, at) {
      const job = JOB_ID.test(jobId) ? await jobsAt(at).get(jobId, signal) : undefined;
      return job === undefined
        ? undefined
        : {
            elsewhere: `Cloud Logging has it: gcloud logging read 'labels.job_uid="${job.uid ?? ""}"' --project=${placeOf(at).project} --order=asc --format='value(textPayload)'`,
          };
    },
    async cancel(jobId, signal, at) {
      if (JOB_ID.test(jobId)) await jobsAt(at).cancel(jobId, signal);
    },
    async check(signal) {
      for (const jobs of new Set(options.offers.map(jobsAt))) await jobs.check(signal);
    },
    async close() {
      await Promise.all([...places.values()].map((jobs) => jobs.close()));
    },
  };
}
