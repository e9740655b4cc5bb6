import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { type Answer, failed } from "./answer.ts";
import { openSqliteOperations, type SqliteOperations } from "./operations.ts";

/**
 * The thread that owns the SQLite connection: takes {id, name, args}, answers by id. What has
 * arrived while it was busy is done together, in one transaction; nothing is answered before that
 * is on disk. What only reads is answered before that, and does not wait for the disk.
 */
interface Request {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}
const MOST_PER_TRANSACTION = 500;
const READS: ReadonlySet<string> = new Set<keyof SqliteOperations>([
  "get",
  "list",
  "history",
  "changes",
]);

/** A store that nothing was written to for so long empties its log, of up to 64 MB otherwise. */
const QUIET_MS = 2_000;

const { inOneTransaction, close, writes, emptyLog, ...operations } = openSqliteOperations(
  (workerData as { file: string }).file,
);
const byName = operations as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
const port = parentPort;

const perform = ({ name, args }: Request): unknown => byName[name]?.(...args);

const attempt = (work: () => readonly Answer[], count: number): readonly Answer[] => {
  try {
    return work();
  } catch (error) {
    return Array.from({ length: count }, () => failed(error));
  }
};

const answer = (requests: readonly Request[]): void => {
  const work = requests.filter(({ name }) => name !== "close");
  const answers = attempt(
    () =>
      work.length === 1
        ? work.map((request) => ({ value: perform(request) }))
        : inOneTransaction(work.map((request) => () => perform(request))),
    work.length,
  );
  if (work.length < requests.length) {
    clearInterval(looking);
    close();
  }
  port?.postMessage(
    requests.map(({ id }, index) => ({ id, ...(answers[index] ?? { value: undefined }) })),
  );
};

const answerReads = (reads: readonly Request[]): void => {
  port?.postMessage(
    reads.map((read) => ({
      id: read.id,
      ...(attempt(() => [{ value: perform(read) }], 1)[0] ?? { value: undefined }),
    })),
  );
};

let before = writes();
let isFull = true;
const looking = setInterval(() => {
  const now = writes();
  try {
    isFull = now === before && isFull ? !emptyLog() : isFull || now !== before;
  } catch {
    isFull = true; // the disk does not answer: tried again
  }
  before = now;
}, QUIET_MS).unref();

port?.on("message", (first: Request) => {
  const requests = [first];
  while (requests.length < MOST_PER_TRANSACTION) {
    const next = receiveMessageOnPort(port);
    if (next === undefined) break;
    requests.push(next.message as Request);
  }
  const reads = requests.filter(({ name }) => READS.has(name));
  if (reads.length > 0) answerReads(reads);
  /** A claim reads whole runs: commits are not kept waiting for it, nor it for them. */
  const claims = requests.filter(({ name }) => name === "claim");
  const others = requests.filter(({ name }) => name !== "claim" && !READS.has(name));
  if (others.length > 0) answer(others);
  for (const claim of claims) answer([claim]);
});
