import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ranOutOf } from "../system-words.ts";

/** A file system of its own that can be filled to the last byte. */
export interface SmallDisk {
  /** Until then nothing more can be written; what others free is filled, too. */
  fullUntil(end: Promise<unknown>): Promise<void>;
  close(): void;
}

/**
 * Whether a disk can be mounted here, found by mounting one: that takes Linux, root, the right to
 * mount (which a container does not give its root), and the programs mount and umount.
 */
export function mayMountDisk(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "haystack-disk-"));
  try {
    const disk = mountSmallDisk(folder, 1);
    disk?.close();
    return disk !== undefined;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const BLOCK = Buffer.alloc(1 << 20);
const REFILLED_EVERY_MS = 100;

/** Mounts a file system in memory on the folder; undefined where this machine does not let us. */
export function mountSmallDisk(folder: string, megabytes: number): SmallDisk | undefined {
  mkdirSync(folder, { recursive: true });
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
