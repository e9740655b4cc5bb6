import { type FSWatcher, watch } from "node:fs";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { type InferenceJobSpec, manifestOf } from "../../services/batch/index.ts";
import type { LocalBatchOptions } from "../../services/batch/local/options.ts";
import { localBatch } from "../../services/batch/local/service.ts";
import { identityOf, processesOfJob, signalProcess } from "../../services/batch/local/process.ts";
import { systemClock } from "../../services/clock/system.ts";
import { directoryObjects } from "../../services/objects/directory/store.ts";
import { type BatchHarness, eventLog, pairOf } from "./batch.contract.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export const PROGRAM = fileURLToPath(new URL("inference-program.ts", import.meta.url));
export const PROGRAM_COMMAND = [
  process.execPath,
  PROGRAM,
  "--prompt",
  "{prompt}",
  "--query",
  "{query}",
  "--output={output}",
  "--seed",
  "{seed}",
];

export const MANIFEST_COMMAND = [
  process.execPath,
  PROGRAM,
  "--manifest={manifest}",
  "--seed={seed}",
];

const orUndefined = (thrown: NodeJS.ErrnoException): undefined => {
  if (thrown.code !== "ENOENT") throw thrown;
};

const read = (file: string): Promise<string | undefined> =>
  readFile(file, "utf8").catch(orUndefined);

/** Which of the processes run; one that has ended but is not yet reaped does not. */
export const running = (pids: readonly number[]): Promise<boolean[]> =>
  Promise.all(pids.map(async (pid) => (await identityOf(pid)) !== undefined));

/** Resolves with the file's text when there is such a file; its folder is made. */
export async function fileAppears(file: string): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  const { promise, resolve } = Promise.withResolvers<string>();
  const check = async (): Promise<void> => {
    const text = await read(file);
    if (text !== undefined) resolve(text);
  };
  const watcher: FSWatcher = watch(dirname(file), () => void check());
  await check();
  return promise.finally(() => watcher.close());
}

export interface LocalHarness extends BatchHarness {
  readonly root: string;
  /** Another executor on the same folders, with its own events. */
  readonly again: (options?: Partial<LocalBatchOptions>) => LocalHarness;
  /** An executor on a copy of the folders as they are now. */
  readonly onCopy: () => Promise<LocalHarness>;
  /** Process ids of the program and its children. */
  readonly pids: (spec: InferenceJobSpec) => Promise<number[]>;
  readonly errors: unknown[];
}

export const localHarness = async (
  options: Partial<LocalBatchOptions> = {},
): Promise<LocalHarness> => harnessIn(await temporaryFolder(), options);

function harnessIn(folder: string, options: Partial<LocalBatchOptions>): LocalHarness {
  const objects = directoryObjects({ root: join(folder, "the objects") });
  let gates = 0;

  const open = (changes: Partial<LocalBatchOptions>): LocalHarness => {
    const root = join(folder, "jobs root");
    const events = eventLog();
    const errors: unknown[] = [];
    const batch = localBatch({
      root,
      location: (path) => objects.location(path),
      clock: systemClock,
      onChange: events.onChange,
      onError: (error) => errors.push(error),
      program: { command: PROGRAM_COMMAND, model: { name: "test", is_baseline: true } },
      maxConcurrent: 4,
      pollMs: 100,
      stopGraceMs: 200,
      ...changes,
    });
    const harness: LocalHarness = {
      batch,
      events,
      errors,
      root,
      async putInputs(spec, ...behaviours) {
        for (const [index, behaviour] of behaviours.entries())
          await objects.putText(spec.pairs[index]?.prompt ?? "", JSON.stringify(behaviour));
        await objects.putText(pairOf(spec).query, "query cells");
        await objects.putText(spec.manifest, manifestOf(spec.manifest, spec.pairs));
      },
      output: (spec) => read(objects.location(pairOf(spec).output)),
      started: (spec) => fileAppears(`${objects.location(pairOf(spec).output)}.started`),
      async pids(spec) {
        return (await fileAppears(`${objects.location(pairOf(spec).output)}.started`))
          .split("\n")
          .map(Number);
      },
      runs: async (spec, { output } = pairOf(spec)) =>
        (await read(`${objects.location(output)}.runs`))?.length ?? 0,
      gate() {
        const file = join(folder, `gate-${++gates}`);
        return { file, release: () => writeFile(file, "") };
      },
      again: (more = {}) => open({ ...options, ...more }),
      async onCopy() {
        const copy = await temporaryFolder();
        await cp(folder, copy, { recursive: true });
        return harnessIn(copy, options);
      },
    };
    onTestFinished(async () => {
      await batch.close();
    });
    return harness;
  };
  const harness = open(options);
  onTestFinished(async () => {
    const jobs = join(harness.root, "jobs");
    for (const name of (await readdir(jobs).catch(orUndefined)) ?? []) {
      for (const pid of await processesOfJob(join(jobs, name))) signalProcess(pid, "SIGKILL");
    }
  });
  return harness;
}
