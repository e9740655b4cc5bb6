/** Tasks of the compute contract, as a module of tasks. */
import { writeFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { getHeapStatistics } from "node:v8";
import { HaystackError } from "../../errors.ts";
import { lastWork } from "../../last-work.ts";

export async function sum(
  values: Float32Array,
): Promise<{ total: number; doubled: Float32Array; process: number }> {
  return {
    total: values.reduce((a, b) => a + b, 0),
    doubled: values.map((value) => value * 2),
    process: process.pid,
  };
}

/** Finds that its process can no longer be relied on, and says which it is. */
export async function wearOut(): Promise<number> {
  lastWork();
  return process.pid;
}

export async function failTyped(details: Record<string, unknown>): Promise<never> {
  throw new HaystackError("CELL_TYPE_UNKNOWN", "The cell type is not known.", { details });
}

export async function failPlain(message: string): Promise<never> {
  throw new TypeError(message);
}

/** Writes its process id to the file, then never ends and never yields. */
export async function spin(file: string): Promise<never> {
  await writeFile(file, String(process.pid));
  for (;;);
}

/** Writes its process id to the file, then waits without using the processor. */
export async function linger(file: string): Promise<never> {
  await writeFile(file, String(process.pid));
  for (;;) await wait(1000);
}

/** Takes memory outside of the heap, as HDF5 does, without yielding, up to so many megabytes. */
export async function swell(megabytes: number): Promise<number> {
  const taken: Buffer[] = [];
  while (taken.length * 16 < megabytes) taken.push(Buffer.alloc(2 ** 24, 1));
  return taken.length * 2 ** 24;
}

export async function heapBytes(): Promise<number> {
  return getHeapStatistics().heap_size_limit;
}

export async function die(code: number): Promise<never> {
  process.exit(code);
}

/** Meets a full disk. */
export async function fill(): Promise<void> {
  await writeFile("/dev/full", "x");
}

export async function uncloneable(): Promise<() => void> {
  return () => {};
}

export async function environment(): Promise<readonly string[]> {
  return Object.keys(process.env);
}

/**
 * Prints, sends itself what a terminal or a service manager sends to a whole group, and goes on.
 */
export async function bothered(): Promise<string> {
  process.stdout.write("not for standard output\n");
  process.kill(process.pid, "SIGINT");
  process.kill(process.pid, "SIGTERM");
  await wait(0);
  return "done";
}
