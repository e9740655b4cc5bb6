import { execFile } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";

/** A process on this machine that a recycled process id, or another boot, cannot be taken for. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
}

/**
 * Environment variable that every process of a job carries: the identity of the job's folder, a
 * slash, and the job's id.
 */
export const JOB_MARK = "HAYSTACK_LOCAL_JOB";

/**
 * Which folder this is, wherever it is moved to; a copy is another one. Meaningful while the machine
 * runs.
 */
export async function folderIdentity(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder, { bigint: true });
  return `${dev}:${ino}`;
}

export const markOf = async (folder: string): Promise<string> =>
  `${await folderIdentity(folder)}/${basename(folder)}`;

const onLinux = process.platform === "linux";
const run = promisify(execFile);

async function startOf(pid: number): Promise<string | undefined> {
  try {
    if (!onLinux)
      return (
        (
          await run("ps", ["-o", "lstart=", "-p", String(pid)], { env: { LC_ALL: "C" } })
        ).stdout.trim() || undefined
      );
    const line = await readFile(`/proc/${pid}/stat`, "latin1");
    // proc(5): the command's name in parentheses may hold anything; after it come state (field 3)
    // ... starttime (field 22).
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "latin1");
    return `${boot.trim()}:${fields[19]}`;
  } catch {
    return undefined; // no such process
  }
}

/** Undefined when the process does not run any more. */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const started = await startOf(pid);
  return started === undefined ? undefined : { pid, started };
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await startOf(identity.pid)) === identity.started;
}

/**
 * Sends the signal to a process, or with a negative id to a process group; one that is gone is no
 * error.
 */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
}

/**
 * Ids of the living processes other than this one that carry the job's mark, whatever their parent
 * or group. Linux only; elsewhere none.
 */
export async function processesOfJob(folder: string): Promise<number[]> {
  if (!onLinux) return [];
  const mark = await markOf(folder).catch(() => undefined); // the folder is gone
  // Processes that an earlier release began carry the path.
  const marks = [mark, folder].map((value) => `${JOB_MARK}=${value}`);
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => ""); // another user's, or gone
    if (environment.split("\0").some((entry) => marks.includes(entry))) found.push(pid);
  }
  return found;
}
