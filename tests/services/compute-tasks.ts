/** Tasks of the compute contract, as a worker module. */
import { setTimeout as wait } from "node:timers/promises";
import { threadId } from "node:worker_threads";
import { HaystackError } from "../../errors.ts";

export async function sum(values: Float32Array): Promise<{ total: number; doubled: Float32Array; thread: number }> {
  return { total: values.reduce((a, b) => a + b, 0), doubled: values.map((value) => value * 2), thread: threadId };
}

export async function failTyped(details: Record<string, unknown>): Promise<never> {
  throw new HaystackError("CELL_TYPE_UNKNOWN", "The cell type is not known.", { details });
}

export async function failPlain(message: string): Promise<never> {
  throw new TypeError(message);
}

/** Tells through `flag[0]` that it runs, then never ends and never yields. */
export async function spin(flag: Int32Array): Promise<never> {
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
  for (;;) Atomics.add(flag, 1, 1);
}

/** Waits without using the processor. */
export async function linger(flag: Int32Array): Promise<never> {
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
  for (;;) await wait(1000);
}

export async function die(code: number): Promise<never> {
  process.exit(code);
}

export async function uncloneable(): Promise<() => void> {
  return () => {};
}
