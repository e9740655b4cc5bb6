import { existsSync } from "node:fs";
import { mayMountDisk } from "../../bench/chaos-disk.ts";
import type { RealPart } from "./real-parts.ts";

/** What the kernel has to offer. */
export const SMALL_DISK: RealPart = {
  name: "a disk that can be filled",
  found: mayMountDisk() ? "mount" : undefined,
  hint: "run the tests on Linux as a user who may mount disks",
};
export const PROCESSES: RealPart = {
  name: "a list of processes",
  found: existsSync("/proc/self/stat") ? "/proc" : undefined,
  hint: "run the tests on Linux",
};
