import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { TERMINAL_JOB_STATES } from "../index.ts";
import { jobRoot, readHistory, type StateEntry } from "./job.ts";

/** What a copy of a job consists of. */
export interface JobCopy {
  readonly jobId: string;
  readonly folder: string;
  /** Names in the folder. */
  readonly files: readonly string[];
  /** A further file: the end of a job that had none. Whoever takes the copy up starts it anew. */
  readonly end?: { readonly name: string; readonly text: string };
}

const STATE = /^state\.(\d+)\.json$/;

/** The jobs below `root` as they stand, each as something that has ended. */
export async function* copiesOfJobs(root: string, now: () => number): AsyncGenerator<JobCopy> {
  const { jobs } = jobRoot(resolve(root));
  for (const jobId of (await namesOf(jobs)).toSorted()) {
    const folder = join(jobs, jobId);
    const history = await readHistory(folder);
    const last = history.at(-1);
    if (last === undefined) continue;
    const files = (await namesOf(folder)).filter((name) => {
      const state = STATE.exec(name)?.[1];
      return state === undefined || Number(state) < history.length;
    });
    yield {
      jobId,
      folder,
      files: files.toSorted(),
      ...(TERMINAL_JOB_STATES.has(last.state) ? {} : { end: endOf(last, history.length, now()) }),
    };
  }
}

function endOf({ state }: StateEntry, number: number, at: number): NonNullable<JobCopy["end"]> {
  const entry: StateEntry =
    state === "CANCELLATION_IN_PROGRESS"
      ? { state: "CANCELLED", at }
      : {
          state: "FAILED",
          at,
          failure: {
            kind: "transient",
            reason: "The job had not ended when its data folder was copied.",
            exit_code: null,
          },
        };
  return { name: `state.${number}.json`, text: `${JSON.stringify(entry)}\n` };
}

async function namesOf(folder: string): Promise<string[]> {
  return readdir(folder).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT" || thrown.code === "ENOTDIR") return [];
    throw thrown;
  });
}
