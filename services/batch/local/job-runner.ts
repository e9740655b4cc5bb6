/**
 * The process that watches over one local job: `node job-runner.ts {root} {job folder}`. It
 * outlives the daemon that started it. It takes the job by adding RUNNING (L3: one runner a job),
 * runs the program in a process group of its own, and writes the end. SIGTERM stops the program and
 * ends the job.
 */
import { systemWords } from "../../../system-words.ts";
import { spawn } from "node:child_process";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { JobFailureKind } from "../index.ts";
import { workerExit } from "../worker-contract.ts";
import { keepDescendants } from "./descendants.ts";
import { fillCommand } from "./command.ts";
import { advance, jobRoot, type LocalJob, readJob, type StateEntry } from "./job.ts";
import { programOutput } from "./program-output.ts";
import { folderIdentity, identityOf, signalProcess } from "./process.ts";
import { leftOfJob } from "./left-of-job.ts";
import { given } from "../../../given.ts";

const STDERR_KEPT = 4096;
const LONGEST_REASON = 400;
const LONGEST_TIMEOUT_MS = 2_147_483_647;
/**
 * For how long to read on after the program's end, should something that it left still hold its
 * stderr.
 */
const STDERR_LATE_MS = 1000;

type Outcome = Pick<StateEntry, "state" | "failure">;

const failed = (kind: JobFailureKind, reason: string, exitCode: number | null = null): Outcome => ({
  state: "FAILED",
  failure: { kind, reason, exit_code: exitCode },
});

/** The program's own last line says why; its exit code says whether the same again can help. */
function exited(code: number, reason: string): Outcome {
  const repeats = workerExit(code)?.repeats;
  return {
    state: "FAILED",
    failure: {
      kind: "application",
      reason: `The inference program ended with exit code ${code}: ${reason}.`,
      exit_code: code,
      ...given({ repeats }),
    },
  };
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

function lastLine(text: string): string {
  const line = text.split(/[\r\n]+/).findLast((candidate) => candidate.trim() !== "");
  return line === undefined ? "no reason was given" : line.trim().slice(0, LONGEST_REASON);
}

/** What the program is told to stop for; set once. */
interface Stop {
  readonly signal: AbortSignal;
  readonly because: (cause: "outside" | "over_time") => void;
}

function stopper(): Stop {
  const controller = new AbortController();
  return { signal: controller.signal, because: (cause) => controller.abort(cause) };
}

/** Kills whatever the program left running and waits until it is gone. */
async function killLeftovers(folder: string): Promise<void> {
  for (let pause = 10; ; pause = Math.min(1000, pause * 2)) {
    const left = await leftOfJob(folder);
    if (left.length === 0) return;
    for (const pid of left) signalProcess(pid, "SIGKILL");
    await wait(pause);
  }
}

async function runProgram(job: LocalJob, folder: string, stop: Stop): Promise<Outcome> {
  const [program = "", ...args] = fillCommand(job.command, {
    ...job.files,
    seed: String(job.spec.seed),
  });
  const said = await programOutput(folder);
  const child = spawn(program, args, {
    cwd: job.cwd,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.on("data", said.add);
  child.stderr.on("data", said.add);
  let tail = Buffer.alloc(0);
  child.stderr.on("data", (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-STDERR_KEPT);
  });
  const group = child.pid === undefined ? undefined : -child.pid;
  const stopKeeping = child.pid === undefined ? undefined : keepDescendants(child.pid, folder);
  const kill = (signal: NodeJS.Signals): void => {
    if (group !== undefined && child.exitCode === null && child.signalCode === null)
      signalProcess(group, signal);
  };
  let killTimer: NodeJS.Timeout | undefined;
  const onStop = (): void => {
    kill("SIGTERM");
    killTimer = setTimeout(kill, job.stop_grace_ms, "SIGKILL");
  };
  stop.signal.addEventListener("abort", onStop, { once: true });
  if (stop.signal.aborted) onStop();
  const overTime = setTimeout(
    stop.because,
    Math.min(LONGEST_TIMEOUT_MS, job.spec.max_run_seconds * 1000),
    "over_time",
  );

  const closed = new Promise((resolve) => void child.once("close", resolve));
  const ended = await new Promise<
    { code: number | null; signal: NodeJS.Signals | null } | { error: Error }
  >((resolve) => {
    child.once("error", (error) => resolve({ error }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  clearTimeout(overTime);
  clearTimeout(killTimer);
  await stopKeeping?.();
  if (group !== undefined) signalProcess(group, "SIGKILL");
  await killLeftovers(folder);
  await Promise.race([closed, wait(STDERR_LATE_MS)]);
  child.stdout.destroy();
  child.stderr.destroy();
  await said.close();
  const stderr = tail.toString("utf8");
  await writeFile(join(folder, "stderr.txt"), stderr);

  if ("error" in ended)
    return failed(
      "application",
      `The inference program ${program} could not be started: ${systemWords(ended.error) ?? ended.error.message}.`,
    );
  const { code, signal } = ended;
  if (stop.signal.aborted) {
    if (stop.signal.reason === "over_time")
      return failed(
        "over_time",
        `The inference program ran longer than ${job.spec.max_run_seconds} s and was stopped.`,
        code,
      );
    return failed("transient", "The inference program was stopped by another program.", code);
  }
  if (signal !== null)
    return failed(
      "application",
      `The inference program was killed by ${signal}: ${lastLine(stderr)}.`,
    );
  if (code !== null && code !== 0) return exited(code, lastLine(stderr));
  if (!(await isFile(job.files.output)))
    return failed(
      "application",
      `The inference program ended without writing ${job.spec.output}.`,
      code,
    );
  return { state: "SUCCEEDED" };
}

async function perform(job: LocalJob, folder: string, stop: Stop): Promise<Outcome> {
  for (const input of ["prompt", "query"] as const) {
    if (!(await isFile(job.files[input])))
      return failed("application", `The ${input} file ${job.spec[input]} is missing.`);
  }
  // A file that an earlier attempt left must not count as this one's result.
  for (const left of [job.files.output, `${job.files.output}.metrics.json`])
    await rm(left, { force: true });
  await mkdir(dirname(job.files.output), { recursive: true });
  return runProgram(job, folder, stop);
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
  const outcome = await perform(job, folder, stop);
  await advance(root, folder, (last) => ({
    at: Date.now(),
    ...(last.state === "CANCELLATION_IN_PROGRESS" ? { state: "CANCELLED" } : outcome),
  }));
}

await main(process.argv[2] ?? "", process.argv[3] ?? "");
