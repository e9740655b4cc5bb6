/**
 * The process that watches over one local job: `node job-runner.ts {root} {job folder}`. It
 * outlives the daemon that started it. It takes the job by adding RUNNING (L3: one runner a job),
 * runs the program, once or for one pair after another, and writes the end. SIGTERM stops the
 * program and ends the job.
 */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { fillCommand, takesManifest } from "./command.ts";
import { isDone, noteDone, removeLeft, workOf } from "./done-pairs.ts";
import { advance, jobRoot, type LocalJob, readJob } from "./job.ts";
import { folderIdentity, identityOf } from "./process.ts";
import { programOutput } from "./program-output.ts";
import { failed, type Outcome, runProgram, stopper, type Surroundings } from "./run-program.ts";

const LONGEST_TIMEOUT_MS = 2_147_483_647;

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

async function perform(given: Surroundings): Promise<Outcome> {
  const { job } = given;
  for (const [index, pair] of job.pairs.entries()) {
    for (const input of ["prompt", "query"] as const) {
      if (!(await isFile(pair[input])))
        return failed(
          "application",
          `The ${input} file ${job.spec.pairs[index]?.[input] ?? ""} is missing.`,
        );
    }
    await mkdir(dirname(pair.output), { recursive: true });
  }
  return (
    (takesManifest(job.command) ? await predictAll(given) : await predictEach(given)) ?? {
      state: "SUCCEEDED",
    }
  );
}

/** The program finds by itself what an earlier attempt has done. */
async function predictAll(given: Surroundings): Promise<Outcome | undefined> {
  const { job } = given;
  const seed = String(job.spec.seed);
  const outcome = await runProgram(
    fillCommand(job.command, { manifest: job.manifest, seed }),
    given,
  );
  return outcome ?? (await missing(job, job.pairs.keys()));
}

async function predictEach(given: Surroundings): Promise<Outcome | undefined> {
  const { job, said } = given;
  for (const [index, pair] of job.pairs.entries()) {
    const began = performance.now();
    const report = (outcome: "found" | "predicted"): void => {
      const seconds = Math.round(performance.now() - began) / 1_000;
      said.add(Buffer.from(`${JSON.stringify({ pair: pair.name, outcome, seconds })}\n`));
    };
    const work = await workOf(job, pair);
    if (await isDone(pair, work)) {
      report("found");
      continue;
    }
    await removeLeft(pair);
    const values = { ...pair, seed: String(job.spec.seed) };
    const outcome =
      (await runProgram(fillCommand(job.command, values), given)) ?? (await missing(job, [index]));
    if (outcome !== undefined) return outcome;
    await noteDone(pair, work);
    report("predicted");
  }
  return undefined;
}

/** The first of the pairs, by their place, that has no output. */
async function missing(
  { pairs, spec }: LocalJob,
  places: Iterable<number>,
): Promise<Outcome | undefined> {
  for (const place of places) {
    if (!(await isFile(pairs[place]?.output ?? "")))
      return failed(
        "application",
        `The inference program ended without writing ${spec.pairs[place]?.output ?? ""}.`,
        0,
      );
  }
  return undefined;
}

async function main(rootFolder: string, folder: string): Promise<void> {
  const root = jobRoot(rootFolder);
  const stop = stopper();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.on(signal, () => stop.because("outside"));
  const job = await readJob(root, folder);
  const self = await identityOf(process.pid);
  if (job === undefined || self === undefined) throw new Error(`${folder} holds no job.`);
  const runner = { ...self, folder: await folderIdentity(folder) };
  const { added } = await advance(root, folder, (last) =>
    last.state === "SCHEDULED" ? { state: "RUNNING", at: Date.now(), runner } : undefined,
  );
  if (!added) return;
  const overTime = setTimeout(
    stop.because,
    Math.min(LONGEST_TIMEOUT_MS, job.spec.max_run_seconds * 1000),
    "over_time",
  );
  const said = await programOutput(folder);
  let outcome: Outcome;
  try {
    outcome = await perform({ job, folder, said, stop });
  } finally {
    await said.close();
  }
  clearTimeout(overTime);
  await advance(root, folder, (last) => ({
    at: Date.now(),
    ...(last.state === "CANCELLATION_IN_PROGRESS" ? { state: "CANCELLED" } : outcome),
  }));
}

await main(process.argv[2] ?? "", process.argv[3] ?? "");
