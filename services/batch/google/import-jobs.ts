import type { ImportJobs, ImportJobSpec, JobFailure } from "../index.ts";
import { type GoogleJobSettings, jobBody } from "./job.ts";
import { labelValue } from "./labels.ts";
import type { GoogleBatchPlace } from "./client.ts";
import { googleBatchJobs } from "./jobs.ts";
import { jobStatus } from "./status.ts";

export interface GoogleImportJobsOptions extends GoogleBatchPlace, GoogleJobSettings {
  readonly maxRunSeconds: number;
}

/** A task that a machine took with it is repeated, others that failed too. */
const RETRIES = 3;
/** Exit codes with which a task would end again: wrong input, and an image that is not there. */
const FINAL = [2, 125] as const;
/** The system and the image. */
const OWN_GB = 20;
/** Of a source: itself, its cells as they are sorted, and the shards. */
const COPIES = 3;
/** The same of one that is unpacked first. */
const COPIES_OF_PACKED = 12;

const diskGb = ({ source_bytes: bytes, is_packed: isPacked }: ImportJobSpec): number =>
  OWN_GB + Math.ceil((bytes / 1e9) * (isPacked ? COPIES_OF_PACKED : COPIES));

const EXITS: Readonly<Record<number, string>> = {
  125: "The container could not be started: check that DISPATCH_IMAGE exists and that the jobs' service account may read it",
  137: "A task was killed, most likely because its machine ran out of memory: choose a larger DISPATCH_MACHINE_TYPE, or more DISPATCH_IMPORT_TASKS",
};

const reasonOf = (
  { exit_code: code, reason }: JobFailure,
  uid: string | null | undefined,
): string =>
  code === null
    ? reason
    : `${EXITS[code] ?? "A task failed"} (exit code ${code}); Cloud Logging has its log under labels.job_uid="${uid ?? ""}".`;

/**
 * Imports as CPU jobs on Google Batch: each task is given `job` as its argument and the import's id
 * as IMPORT_ID, and by Batch its own number.
 */
export function googleImportJobs(options: GoogleImportJobsOptions): ImportJobs {
  const jobs = googleBatchJobs(options);
  return {
    async submit(spec, signal) {
      const { job_id: jobId, import_id: id } = spec;
      const identity = { "haystack-import": labelValue(id), "haystack-kind": "import" };
      const bootDisk = {
        ...options.bootDisk,
        sizeGb: Math.max(options.bootDisk?.sizeGb ?? 0, diskGb(spec)),
      };
      const body = jobBody(
        { ...options, bootDisk },
        {
          name: "import",
          commands: ["job"],
          environment: { IMPORT_ID: id, IMPORT_ATTEMPT: String(spec.attempt) },
          identity,
          provisioning: "STANDARD",
          maxRunSeconds: options.maxRunSeconds,
          mountsBucket: false,
          isAwaited: false,
          tasks: { count: spec.tasks, retries: RETRIES, final: FINAL },
        },
        options.location,
      );
      const job = await jobs.submit(jobId, body, identity, signal);
      const tasks = job.status?.state === "FAILED" ? await jobs.tasks(jobId, signal) : [];
      const status = jobStatus(jobId, job, tasks);
      return status.failure?.kind === "application"
        ? { ...status, failure: { ...status.failure, reason: reasonOf(status.failure, job.uid) } }
        : status;
    },
    close: () => jobs.close(),
  };
}
