import { type GoogleJobSettings, jobBody, mountedAt } from "./job.ts";
import type { GoogleBatchPlace } from "./client.ts";
import { googleBatchJobs } from "./jobs.ts";
import { jobStatus } from "./status.ts";
import type { TrialJobs } from "../index.ts";

const RUN_SECONDS = 60;
const SHELL = "/bin/sh";

/**
 * Jobs with image, account, network, mount and topic of GPU jobs, on a machine without accelerators:
 * the shell of the image copies one object of the bucket to another.
 */
export function googleTrialJobs(options: GoogleBatchPlace & GoogleJobSettings): TrialJobs {
  const jobs = googleBatchJobs(options);
  return {
    async submit({ job_id, from, to }, signal) {
      const identity = { "haystack-kind": "trial" };
      const body = jobBody(
        options,
        {
          name: "trial",
          entrypoint: SHELL,
          commands: ["-c", 'cat "$0" > "$1"', mountedAt(options, from), mountedAt(options, to)],
          identity,
          provisioning: "STANDARD",
          maxRunSeconds: RUN_SECONDS,
          mountsBucket: true,
        },
        options.location,
      );
      await jobs.submit(job_id, body, identity, signal);
    },
    async get(jobId, signal) {
      const job = await jobs.get(jobId, signal);
      if (job === undefined) return undefined;
      const tasks = job.status?.state === "FAILED" ? await jobs.tasks(jobId, signal) : [];
      return jobStatus(jobId, job, tasks);
    },
    cancel: (jobId, signal) => jobs.cancel(jobId, signal),
    close: () => jobs.close(),
  };
}
