import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { eachApart, type Failures } from "../../../each-apart.ts";
import { TERMINAL_JOB_STATES } from "../index.ts";
import { jobRoot, readHistory } from "./job.ts";

/**
 * Removes the folders of those jobs below `root` that have ended, whoever executes jobs there; tells
 * of those that it cannot.
 */
export async function forgetJobs(
  root: string,
  isMeant: (jobId: string) => boolean,
): Promise<Failures> {
  const { jobs } = jobRoot(resolve(root));
  const names = await readdir(jobs).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") return [];
    throw thrown;
  });
  return eachApart(names.filter(isMeant), String, async (name) => {
    const last = (await readHistory(join(jobs, name))).at(-1);
    if (last !== undefined && TERMINAL_JOB_STATES.has(last.state))
      await rm(join(jobs, name), { recursive: true, force: true });
  });
}
