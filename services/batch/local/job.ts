import { mkdir, readFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import {
  type InferenceJobSpec,
  type InferencePair,
  type JobState,
  type JobStatus,
  TERMINAL_JOB_STATES,
} from "../index.ts";
import { createFile, createFolder } from "./durable.ts";
import type { ProcessIdentity } from "./process.ts";
import { given } from "../../../given.ts";

/**
 * A local job is the folder `{root}/jobs/{job_id}`:
 * - L1 `spec.json` and `state.0.json` (QUEUED) appear together with the folder and never change.
 * - L2 Each later state is a new file, `state.1.json`, `state.2.json` ...; complete when it
 *   appears, never changed or removed.
 * - L3 A state is added by creating the next number exclusively. Of two writers one wins; the other
 *   reads again and decides anew. So a job has one history, is started by one runner, and has one
 *   end, however many executors share the folder.
 */
export interface LocalJob {
  /** Its pairs name objects. */
  readonly spec: InferenceJobSpec;
  /** Program and arguments, with placeholders. */
  readonly command: readonly string[];
  readonly cwd: string;
  /** Local files. */
  readonly pairs: readonly InferencePair[];
  readonly manifest: string;
  /** Milliseconds between asking the program to stop and killing it. */
  readonly stop_grace_ms: number;
}

/**
 * As `spec.json` has it: files relative to the root, so that the jobs of a copied folder read and
 * write what was copied with them.
 */
interface StoredJob extends Omit<LocalJob, "command" | "pairs" | "manifest"> {
  readonly command?: readonly string[];
  readonly pairs?: readonly InferencePair[];
  readonly manifest?: string;
  /** By an earlier release, in place of `command`: placeholders replaced, all paths absolute. */
  readonly argv?: readonly string[];
  /** By an earlier release, in place of `pairs` and `manifest`. */
  readonly files?: Omit<InferencePair, "name">;
}

export interface StateEntry {
  readonly state: JobState;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly failure?: NonNullable<JobStatus["failure"]>;
  /**
   * With RUNNING: the process that watches over the program and writes the end, and the folder that
   * it works in, by `folderIdentity`. In a copy of that folder it is somebody else's.
   */
  readonly runner?: ProcessIdentity & { readonly folder?: string };
}

export type History = readonly StateEntry[];

export interface JobRoot {
  readonly folder: string;
  readonly jobs: string;
  readonly queue: string;
  readonly drafts: string;
}

export const jobRoot = (root: string): JobRoot => ({
  folder: root,
  jobs: join(root, "jobs"),
  queue: join(root, "queue"),
  drafts: join(root, "drafts"),
});

export async function makeRoot(root: JobRoot): Promise<void> {
  for (const folder of [root.jobs, root.queue, root.drafts])
    await mkdir(folder, { recursive: true });
}

export async function readJson<Content>(file: string): Promise<Content | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw thrown;
  }
  return JSON.parse(text) as Content;
}

/** False when a job of this id exists. */
export const createJob = (
  root: JobRoot,
  folder: string,
  job: LocalJob,
  at: number,
): Promise<boolean> =>
  createFolder(root.drafts, job.spec.job_id, folder, {
    "spec.json": {
      ...job,
      ...mapFiles(job, (file) => relative(root.folder, file)),
    },
    "state.0.json": { state: "QUEUED", at } satisfies StateEntry,
  });

type Files = Pick<LocalJob, "pairs" | "manifest">;

export const mapFiles = ({ pairs, manifest }: Files, map: (file: string) => string): Files => ({
  pairs: pairs.map(({ name, prompt, query, output }) => ({
    name,
    prompt: map(prompt),
    query: map(query),
    output: map(output),
  })),
  manifest: map(manifest),
});

export async function readJob(root: JobRoot, folder: string): Promise<LocalJob | undefined> {
  const stored = await readJson<StoredJob>(join(folder, "spec.json"));
  if (stored === undefined) return undefined;
  const { argv, command = argv ?? [], files, pairs, manifest = "", ...job } = stored;
  const listed = pairs ?? (files === undefined ? [] : [{ name: job.spec.kind, ...files }]);
  const absolute = mapFiles({ pairs: listed, manifest }, (file) => resolve(root.folder, file));
  // What an earlier release began names no objects.
  const spec = { ...job.spec, pairs: (job.spec as Partial<InferenceJobSpec>).pairs ?? listed };
  return { ...job, spec, command, ...absolute };
}

/**
 * The states so far, oldest first; empty when there is no such job. `known` is what was read
 * before.
 */
export async function readHistory(folder: string, known: History = []): Promise<History> {
  const history = [...known];
  for (;;) {
    const entry = await readJson<StateEntry>(join(folder, `state.${history.length}.json`));
    if (entry === undefined) return history;
    history.push(entry);
  }
}

/**
 * Adds the state that `next` chooses for the present history; `next` answers undefined to leave the
 * job as it is, and is asked again when another writer was faster (L3). Ended jobs are left as they
 * are.
 */
export async function advance(
  root: JobRoot,
  folder: string,
  next: (last: StateEntry, history: History) => StateEntry | undefined,
): Promise<{ history: History; added: boolean }> {
  for (let history = await readHistory(folder); ; history = await readHistory(folder, history)) {
    const last = history.at(-1);
    const entry =
      last === undefined || TERMINAL_JOB_STATES.has(last.state) ? undefined : next(last, history);
    if (entry === undefined) return { history, added: false };
    if (
      await createFile(
        root.drafts,
        basename(folder),
        join(folder, `state.${history.length}.json`),
        entry,
      )
    )
      return { history: [...history, entry], added: true };
  }
}

export const runnerOf = (history: History): StateEntry["runner"] =>
  history.find((entry) => entry.state === "RUNNING")?.runner;

export function statusOf(jobId: string, history: History): JobStatus | undefined {
  const last = history.at(-1);
  if (last === undefined) return undefined;
  const started = history.find((entry) => entry.state === "RUNNING")?.at;
  const ended = TERMINAL_JOB_STATES.has(last.state) && started !== undefined;
  return {
    job_id: jobId,
    state: last.state,
    ...given({ failure: last.failure }),
    ...(ended ? { run_seconds: Math.max(0, last.at - started) / 1000 } : {}),
  };
}
