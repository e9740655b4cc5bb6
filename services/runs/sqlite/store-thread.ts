import { Worker } from "node:worker_threads";
import { type ErrorCode, HaystackError, toHaystackError } from "../../../errors.ts";
import { ownProgram } from "../../../own-files.ts";
import { systemWords } from "../../../system-words.ts";
import type { Answer } from "./answer.ts";
import { storeDamaged } from "./damaged.ts";
import type { SqliteOperations } from "./operations.ts";

/** Errors of the thread that say what is wrong with the file. */
const OF_THE_FILE: ReadonlySet<ErrorCode> = new Set(["STORE_VERSION_UNKNOWN", "STORE_DAMAGED"]);
type Operation = Exclude<keyof SqliteOperations, "inOneTransaction" | "emptyLog" | "writes">;
type Pending = { resolve(value: unknown): void; reject(error: Error): void };

/** The thread that owns the connection, as the event loop sees it. */
export interface StoreThread {
  /** Errors: STORE_UNAVAILABLE, STORE_VERSION_UNKNOWN, STORE_DAMAGED. */
  call<Name extends Operation>(
    name: Name,
    ...args: Parameters<SqliteOperations[Name]>
  ): Promise<ReturnType<SqliteOperations[Name]>>;
  close(): Promise<void>;
}

export function startStoreThread(file: string): StoreThread {
  const worker = new Worker(ownProgram("services/runs/sqlite/thread.ts"), { workerData: { file } });
  worker.unref();
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let broken: Error | undefined;
  const unusable = (problem: string, cause: Error): HaystackError =>
    new HaystackError(
      "STORE_UNAVAILABLE",
      `The run store ${file} cannot be used (${problem}); check the file and its folder.`,
      { cause },
    );
  const breakDown = (error: Error): void => {
    const own = toHaystackError(error);
    broken ??= OF_THE_FILE.has(own.code)
      ? new HaystackError(own.code, own.message)
      : unusable(systemWords(error) ?? "its thread has ended", error);
    for (const { reject } of pending.values()) reject(broken);
    pending.clear();
  };
  worker.on("error", breakDown);
  worker.on("exit", () => breakDown(new Error("The thread of the run store has ended.")));
  worker.on("message", (answers: readonly (Answer & { readonly id: number })[]) => {
    for (const { id, ...answer } of answers) {
      const request = pending.get(id);
      pending.delete(id);
      if (answer.problem === undefined) request?.resolve(answer.value);
      else
        request?.reject(
          answer.isDamage
            ? storeDamaged(file, "a page of it cannot be read")
            : unusable(answer.problem, new Error(answer.text)),
        );
    }
    if (pending.size === 0) worker.unref();
  });

  const call = <Name extends Operation>(
    name: Name,
    ...args: Parameters<SqliteOperations[Name]>
  ): Promise<ReturnType<SqliteOperations[Name]>> =>
    new Promise((resolve, reject) => {
      if (broken !== undefined) return reject(broken);
      const id = ++lastId;
      if (pending.size === 0) worker.ref();
      pending.set(id, { resolve, reject });
      worker.postMessage({ id, name, args });
    });

  return {
    call,
    async close() {
      if (broken === undefined) await call("close");
      await worker.terminate();
    },
  };
}
