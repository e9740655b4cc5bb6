import { join, resolve } from "node:path";
import { JOB_ID, type JobOutput } from "../index.ts";
import { jobRoot, readJob } from "./job.ts";
import { readProgramOutput } from "./program-output.ts";

/** What the program of a job below `root` said, whoever executes jobs there. */
export async function outputOfJob(root: string, jobId: string): Promise<JobOutput | undefined> {
  if (!JOB_ID.test(jobId)) return undefined;
  const jobs = jobRoot(resolve(root));
  const folder = join(jobs.jobs, jobId);
  return (await readJob(jobs, folder)) === undefined
    ? undefined
    : { text: await readProgramOutput(folder) };
}
