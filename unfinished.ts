import { createHash, randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { eachApart, rethrow } from "./each-apart.ts";

/**
 * Names of files and folders that are not finished. Each tells which process makes it, so that what
 * a killed process left is known from what another one is just writing.
 */

/** What another machine, container or boot left, or an earlier release, goes by its age. */
const KEPT_MS = 3 * 24 * 60 * 60 * 1000;
const MADE_BY = /([0-9a-f]{8})-(\d+)-(\d+)\.[0-9a-f]{8}-[0-9a-f-]{27}/;

/** When a process of this machine started, in ticks; undefined where none of that id runs. */
function startOf(pid: number | "self"): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "latin1");
    // proc(5): the command's name in parentheses may hold anything; after it come state (field 3)
    // ... starttime (field 22).
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Process ids mean something within one boot and one container. Undefined where that is not told. */
function placeOfProcesses(): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    const place = `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
    return createHash("sha256").update(place).digest("hex").slice(0, 8);
  } catch {
    return undefined;
  }
}

const place = placeOfProcesses();
const madeHere = place === undefined ? "" : `${place}-${process.pid}-${startOf("self")}.`;

/** A name that nothing else has. Linux alone tells of processes; elsewhere it is a name like any. */
export const unfinishedName = (): string => `${madeHere}${randomUUID()}`;

async function isLeft(path: string, name: string): Promise<boolean> {
  const [, where, pid, started] = MADE_BY.exec(name) ?? [];
  if (where !== undefined && where === place) return startOf(Number(pid)) !== started;
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > KEPT_MS;
}

/**
 * Removes from the folder what processes left that are gone, of the names that are meant; rejects
 * at the end where one cannot be removed.
 */
export async function removeUnfinished(
  folder: string,
  isMeant: (name: string) => boolean = () => true,
): Promise<void> {
  const names = await readdir(folder).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") return [];
    throw thrown;
  });
  const failures = await eachApart(names.filter(isMeant), String, async (name) => {
    const path = join(folder, name);
    if (await isLeft(path, name)) await rm(path, { recursive: true, force: true });
  });
  rethrow(failures);
}
