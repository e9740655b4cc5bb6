import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ranOutOf } from "../system-words.ts";

/** A file system of its own that can be filled to the last byte. */
export interface SmallDisk {
  /** Until then nothing more can be written; what others free is filled, too. */
  fullUntil(end: Promise<unknown>): Promise<void>;
  close(): void;
}

/** That takes root on Linux. */
export const mayMountDisk = process.platform === "linux" && process.getuid?.() === 0;

const BLOCK = Buffer.alloc(1 << 20);
const REFILLED_EVERY_MS = 100;

/** Mounts a file system in memory on the folder; undefined where this machine does not let us. */
export function mountSmallDisk(folder: string, megabytes: number): SmallDisk | undefined {
  mkdirSync(folder, { recursive: true });
  if (!mayMountDisk) return undefined;
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=700`, "tmpfs", folder], {
      stdio: "ignore",
    });
  } catch {
    return undefined;
  }
  const filler = join(folder, ".filler");
  return {
    async fullUntil(end) {
      const file = openSync(filler, "a");
      const ended = end.then(() => true);
      try {
        do fill(file);
        while (!(await Promise.race([ended, pause(REFILLED_EVERY_MS, false)])));
      } finally {
        closeSync(file);
        rmSync(filler);
      }
    },
    close: () => void execFileSync("umount", ["--lazy", folder]),
  };
}

function fill(file: number): void {
  for (let bytes = BLOCK.length; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      for (;;) if (writeSync(file, BLOCK, 0, bytes) < bytes) break;
    } catch (thrown) {
      if (ranOutOf(thrown) !== "disk") throw thrown;
    }
  }
}
