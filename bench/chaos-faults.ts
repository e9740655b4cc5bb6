import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { signalProcess } from "../services/batch/local/process.ts";
import type { SmallDisk } from "./chaos-disk.ts";

/** What strikes beside the kill of a daemon. */
export const FAULT_KINDS = ["runner", "compute", "group", "freeze", "disk"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Longer than the lease of the daemons. */
const FROZEN_MS = 15_000;
/** Long enough that steps which are begun again meet it, too. */
const DISK_FULL_MS = 8_000;

interface Seen {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

async function processes(): Promise<Seen[]> {
  const found: Seen[] = [];
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const [stat, command] = await Promise.all(
      ["stat", "cmdline"].map((file) => readFile(`/proc/${pid}/${file}`, "latin1").catch(() => "")),
    );
    if (stat === undefined || stat === "" || command === undefined) continue;
    // proc(5): after the name in parentheses come state and parent.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    found.push({ pid, parent, command });
  }
  return found;
}

/** Strikes the daemon or what it has begun; false where there was nothing to strike. */
export async function strike(
  kind: Exclude<FaultKind, "group">,
  {
    daemon,
    dataDir,
    disk,
  }: { readonly daemon: number; readonly dataDir: string; readonly disk: SmallDisk | undefined },
): Promise<boolean> {
  if (kind === "disk") {
    await disk?.fullUntil(pause(DISK_FULL_MS));
    return true;
  }
  if (kind === "freeze") {
    signalProcess(daemon, "SIGSTOP");
    await pause(FROZEN_MS);
    signalProcess(daemon, "SIGCONT");
    return true;
  }
  const target = (await processes()).find(({ parent, command }) =>
    kind === "runner"
      ? command.includes("job-runner.ts") && command.includes(dataDir)
      : parent === daemon && command.includes("task-process.ts"),
  );
  if (target === undefined) return false;
  signalProcess(target.pid, "SIGKILL");
  return true;
}
