import { appendFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { folderIdentity, identityOf, isAlive, type ProcessIdentity } from "./process.ts";

/**
 * The processes that a job's program begins, found by their parents while these live, and kept in
 * the job's folder: one that leaves its group and its environment is known all the same. Not found
 * is what is begun and left by its parents within one look (EVERY_MS), and everything where there is
 * no /proc.
 */

const EVERY_MS = 250;

/** Named by the folder, so that nobody takes those of the original for those of a copy. */
export const keptIn = async (folder: string): Promise<string> =>
  join(folder, `processes.${(await folderIdentity(folder)).replace(":", "-")}.jsonl`);

/** The living children of each process. */
async function familyTree(): Promise<ReadonlyMap<number, readonly number[]>> {
  const children = new Map<number, number[]>();
  for (const name of await readdir("/proc").catch(() => [])) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const line = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => ""); // it has ended
    // proc(5): after the name in parentheses come state and parent.
    const parent = Number(line.slice(line.lastIndexOf(")") + 2).split(" ")[1]);
    if (Number.isInteger(parent)) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  return children;
}

function below(tree: ReadonlyMap<number, readonly number[]>, roots: readonly number[]): number[] {
  const found: number[] = [];
  for (const waiting = [...roots]; waiting.length > 0;) {
    const children = tree.get(waiting.pop() ?? 0) ?? [];
    found.push(...children);
    waiting.push(...children);
  }
  return found;
}

const keyOf = ({ pid, started }: ProcessIdentity): string => `${pid} ${started}`;

/** Keeps the program and what it begins until it is stopped; that then takes a last look. */
export function keepDescendants(program: number, folder: string): () => Promise<void> {
  const known = new Map<string, ProcessIdentity>();
  const unkept: ProcessIdentity[] = [];
  const stop = new AbortController();
  const look = async (): Promise<void> => {
    const tree = await familyTree();
    const roots = [program, ...[...known.values()].map(({ pid }) => pid)];
    const fresh: ProcessIdentity[] = [];
    for (const pid of new Set([program, ...below(tree, roots)])) {
      const identity = await identityOf(pid);
      if (identity !== undefined && !known.has(keyOf(identity))) fresh.push(identity);
    }
    for (const identity of fresh) known.set(keyOf(identity), identity);
    for (const [key, identity] of known) if (!(await isAlive(identity))) known.delete(key);
    unkept.push(...fresh);
    if (unkept.length === 0) return;
    await appendFile(
      await keptIn(folder),
      unkept.map((identity) => `${JSON.stringify(identity)}\n`).join(""),
    );
    unkept.length = 0;
  };
  const watch = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      // A disk that is full takes no note of them until it is free; the job's mark and group remain.
      await look().catch(() => undefined);
      await wait(EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
    await look();
  };
  const watched = watch().catch(() => undefined);
  return async () => {
    stop.abort();
    await watched;
  };
}

/** Ids of those kept that still live, and of what they began. */
export async function livingDescendants(folder: string): Promise<number[]> {
  const text = await keptIn(folder)
    .then((file) => readFile(file, "utf8"))
    .catch(() => ""); // none were kept
  if (text === "") return [];
  const alive: number[] = [];
  for (const line of text.split("\n").slice(0, -1)) {
    const identity = JSON.parse(line) as ProcessIdentity;
    if (await isAlive(identity)) alive.push(identity.pid);
  }
  return alive.length === 0 ? [] : [...new Set([...alive, ...below(await familyTree(), alive)])];
}
