import { fileURLToPath } from "node:url";
import pLimit from "p-limit";
import { Piscina } from "piscina";
import { HaystackError, toHaystackError } from "../../errors.ts";
import type { Compute, TaskMap } from "./index.ts";
import type { TaskAnswer, TaskCall } from "./piscina-worker.ts";

interface PiscinaOptions {
  /** Module whose named exports are the tasks. */
  readonly filename: URL;
  readonly threads: number;
  /** An idle worker ends after this time. */
  readonly idleMs?: number;
  /** Told when a worker dies without a task to blame. */
  readonly onWorkerError?: (error: unknown) => void;
}

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

const stopped = (name: string): HaystackError => new HaystackError("STEP_ABORTED", `The computation ${name} was stopped before it finished.`);

/**
 * Tasks in a pool of worker threads. Input and result are copied (structured clone). `close` stops running tasks.
 * Waiting tasks wait here and not in Piscina: without minimum threads, a queued task is never started once the last worker was stopped.
 */
export function piscinaCompute<Tasks extends TaskMap>({ filename, threads, idleMs = 30_000, onWorkerError }: PiscinaOptions): Compute<Tasks> {
  const pool = new Piscina<TaskCall, TaskAnswer>({
    filename: fileURLToPath(new URL("piscina-worker.ts", import.meta.url)),
    name: "runTask",
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: idleMs,
  });
  pool.on("error", (error) => onWorkerError?.(error));
  const limit = pLimit(threads);
  let closed = false;

  const call = async (name: string, input: unknown, signal?: AbortSignal): Promise<unknown> => {
    if (closed || isAborted(signal)) throw stopped(name);
    try {
      const answer = await pool.run({ module: filename.href, name, input }, signal === undefined ? {} : { signal });
      if ("value" in answer) return answer.value;
      const { code, message, details, stack } = answer.error;
      const error = new HaystackError(code, message, details === undefined ? {} : { details });
      if (stack !== undefined) error.stack = stack;
      throw error;
    } catch (thrown) {
      throw closed || isAborted(signal) ? stopped(name) : toHaystackError(thrown);
    }
  };

  return {
    async run<Name extends keyof Tasks & string>(name: Name, input: Parameters<Tasks[Name]>[0], signal?: AbortSignal): Promise<Awaited<ReturnType<Tasks[Name]>>> {
      if (isAborted(signal)) throw stopped(name);
      const abort = Promise.withResolvers<never>();
      const onAbort = (): void => abort.reject(stopped(name));
      signal?.addEventListener("abort", onAbort, { once: true });
      try {
        return (await Promise.race([limit(call, name, input, signal), abort.promise])) as Awaited<ReturnType<Tasks[Name]>>;
      } finally {
        signal?.removeEventListener("abort", onAbort);
      }
    },
    async close() {
      closed = true;
      await pool.destroy();
    },
  };
}
