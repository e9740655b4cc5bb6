import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { given } from "../../../given.ts";
import { systemWords } from "../../../system-words.ts";
import type { JobFailureKind } from "../index.ts";
import { workerExit } from "../worker-contract.ts";
import { keepDescendants } from "./descendants.ts";
import type { LocalJob, StateEntry } from "./job.ts";
import { leftOfJob } from "./left-of-job.ts";
import { signalProcess } from "./process.ts";
import type { ProgramOutput } from "./program-output.ts";

const STDERR_KEPT = 4096;
const LONGEST_REASON = 400;
/**
 * For how long to read on after the program's end, should something that it left still hold its
 * stderr.
 */
const STDERR_LATE_MS = 1000;

export type Outcome = Pick<StateEntry, "state" | "failure">;

export const failed = (
  kind: JobFailureKind,
  reason: string,
  exitCode: number | null = null,
): Outcome => ({
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

function lastLine(text: string): string {
  const line = text.split(/[\r\n]+/).findLast((candidate) => candidate.trim() !== "");
  return line === undefined ? "no reason was given" : line.trim().slice(0, LONGEST_REASON);
}

/** What the program is told to stop for; set once. */
export interface Stop {
  readonly signal: AbortSignal;
  readonly because: (cause: "outside" | "over_time") => void;
}

export function stopper(): Stop {
  const controller = new AbortController();
  return { signal: controller.signal, because: (cause) => controller.abort(cause) };
}

export interface Surroundings {
  readonly job: LocalJob;
  /** Of the job. */
  readonly folder: string;
  readonly said: ProgramOutput;
  readonly stop: Stop;
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

/**
 * Runs a program of the job to its end in a process group of its own; nothing that it began is left.
 * Undefined: it ended well.
 */
export async function runProgram(
  [program = "", ...args]: readonly string[],
  { job, folder, said, stop }: Surroundings,
): Promise<Outcome | undefined> {
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

  const closed = new Promise((resolve) => void child.once("close", resolve));
  const ended = await new Promise<
    { code: number | null; signal: NodeJS.Signals | null } | { error: Error }
  >((resolve) => {
    child.once("error", (error) => resolve({ error }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  stop.signal.removeEventListener("abort", onStop);
  clearTimeout(killTimer);
  await stopKeeping?.();
  if (group !== undefined) signalProcess(group, "SIGKILL");
  await killLeftovers(folder);
  await Promise.race([closed, wait(STDERR_LATE_MS)]);
  child.stdout.destroy();
  child.stderr.destroy();
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
  return undefined;
}
