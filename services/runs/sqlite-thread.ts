import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { openSqliteOperations } from "./sqlite-operations.ts";

/**
 * The thread that owns the SQLite connection: takes {id, name, args}, answers {id, value} or {id, problem}.
 * What has arrived while it was busy is done together, in one transaction; nothing is answered before that is on disk.
 */
interface Request {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}
type Answer = { readonly value: unknown } | { readonly problem: string };

const MOST_TOGETHER = 500;

const { together, close, ...operations } = openSqliteOperations((workerData as { file: string }).file);
const byName = operations as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
const port = parentPort;

const perform = ({ name, args }: Request): unknown => byName[name]?.(...args);

const attempt = (work: () => readonly Answer[], count: number): readonly Answer[] => {
  try {
    return work();
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return Array.from({ length: count }, () => ({ problem }));
  }
};

port?.on("message", (first: Request) => {
  const requests = [first];
  while (requests.length < MOST_TOGETHER) {
    const next = receiveMessageOnPort(port);
    if (next === undefined) break;
    requests.push(next.message as Request);
  }
  const work = requests.filter(({ name }) => name !== "close");
  const answers = attempt(() => (work.length === 1 ? work.map((request) => ({ value: perform(request) })) : together(work.map((request) => () => perform(request)))), work.length);
  if (work.length < requests.length) close();
  port.postMessage(requests.map(({ id }, index) => ({ id, ...(answers[index] ?? { value: undefined }) })));
});
