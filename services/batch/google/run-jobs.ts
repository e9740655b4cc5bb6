import { type GoogleJobSettings, jobBody } from "./job.ts";
import { labelValue } from "./labels.ts";
import type { GoogleBatchPlace } from "./client.ts";
import { expectOurs, googleBatchJobs } from "./jobs.ts";
import { jobStatus } from "./status.ts";
import type { RunJobs } from "../index.ts";

export interface GoogleRunJobsOptions extends GoogleBatchPlace, GoogleJobSettings {
  readonly maxRunSeconds: number;
  /** For so long a job waits for GPU jobs before it hands its run over. */
  readonly idleSeconds: number;
}

/**
 * Whole runs as CPU jobs on Google Batch: the image is given `job` as its argument and the run's id
 * as RUN_ID.
 */
export function googleRunJobs(options: GoogleRunJobsOptions): RunJobs {
  const jobs = googleBatchJobs(options);
  return {
    async submit({ job_id, run_id }, signal) {
      const identity = { "haystack-run": labelValue(run_id), "haystack-kind": "run" };
      // Looked at every few seconds: reads have a quota of their own, larger than that of changes.
      const known = await jobs.get(job_id, signal);
      if (known !== undefined) {
        expectOurs(job_id, known, identity);
        return jobStatus(job_id, known, []).state;
      }
      const work = {
        name: "run",
        commands: ["job"],
        environment: { RUN_ID: run_id, HAND_OVER_SECONDS: String(options.idleSeconds) },
        identity,
        provisioning: "STANDARD" as const,
        maxRunSeconds: options.maxRunSeconds,
        mountsBucket: false,
      };
      const job = await jobs.submit(
        job_id,
        jobBody(options, work, options.location),
        identity,
        signal,
      );
      return jobStatus(job_id, job, []).state;
    },
    cancel: (jobId, signal) => jobs.cancel(jobId, signal),
    close: () => jobs.close(),
  };
}
