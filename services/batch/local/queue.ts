import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createFile } from "./durable.ts";
import { type JobRoot, readJson } from "./job.ts";

/**
 * The jobs that still need care, in submit order: `{root}/queue/{number}` names a job. Numbers only
 * grow: each is taken exclusively, and the highest one is never removed. So no executor ever sees a
 * job appear before one that it has seen.
 */
export interface QueueEntry {
  readonly number: number;
  readonly jobId: string;
}

/** `known` is what was read before; a number means one job for ever. */
export async function readQueue(
  root: JobRoot,
  known: ReadonlyMap<number, string> = new Map(),
): Promise<QueueEntry[]> {
  const numbers = (await readdir(root.queue)).map(Number).toSorted((a, b) => a - b);
  const entries: QueueEntry[] = [];
  for (const number of numbers) {
    const jobId = known.get(number) ?? (await readJson<string>(join(root.queue, String(number))));
    if (jobId !== undefined) entries.push({ number, jobId });
  }
  return entries;
}

/** Puts the job at the end, unless it is in the queue. */
export async function enqueue(
  root: JobRoot,
  jobId: string,
  known: ReadonlyMap<number, string> = new Map(),
): Promise<void> {
  const entries = await readQueue(root, known);
  if (entries.some((entry) => entry.jobId === jobId)) return;
  for (let number = (entries.at(-1)?.number ?? 0) + 1; ; number++) {
    if (await createFile(root.drafts, jobId, join(root.queue, String(number)), jobId)) return;
  }
}

/** Takes out the entries for which `done` holds, but never the last. */
export async function dequeue(
  root: JobRoot,
  entries: readonly QueueEntry[],
  done: (jobId: string) => boolean,
): Promise<void> {
  for (const { number, jobId } of entries.slice(0, -1)) {
    if (done(jobId)) await rm(join(root.queue, String(number)), { force: true });
  }
}
