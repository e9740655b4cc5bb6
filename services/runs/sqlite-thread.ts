import { parentPort, workerData } from "node:worker_threads";
import { openSqliteOperations } from "./sqlite-operations.ts";

/** The thread that owns the SQLite connection: takes {id, name, args}, answers {id, value} or {id, problem}. */

interface Request {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

const operations = openSqliteOperations((workerData as { file: string }).file) as unknown as Record<string, (...args: readonly unknown[]) => unknown>;

parentPort?.on("message", ({ id, name, args }: Request) => {
  try {
    parentPort?.postMessage({ id, value: operations[name]?.(...args) });
  } catch (error) {
    parentPort?.postMessage({ id, problem: error instanceof Error ? error.message : String(error) });
  }
});
