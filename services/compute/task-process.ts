/**
 * The program of a process of processes.ts: finds each task by name among the exports of its
 * module, calls it and answers.
 */
import { flushCompileCache } from "node:module";
import { Worker } from "node:worker_threads";
import { type ErrorCode, toHaystackError } from "../../errors.ts";

export interface TaskCall {
  readonly module: string;
  readonly name: string;
  readonly input: unknown;
}

/** An error as plain data: structured clone keeps neither the class nor the code of ours. */
interface TaskError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Record<string, unknown> | undefined;
  readonly stack: string | undefined;
}

export type TaskAnswer = { readonly value: unknown } | { readonly error: TaskError };

async function answerTo({ module, name, input }: TaskCall): Promise<TaskAnswer> {
  try {
    const tasks = (await import(module)) as Record<string, unknown>;
    const task = tasks[name];
    if (typeof task !== "function") throw new Error(`The module of the tasks exports no ${name}.`);
    return { value: await (task as (input: unknown) => unknown)(input) };
  } catch (thrown) {
    return asError(thrown);
  }
}

function asError(thrown: unknown): TaskAnswer {
  const { code, message, details, stack } = toHaystackError(thrown);
  return { error: { code, message, details, stack } };
}

function send(answer: TaskAnswer): void {
  try {
    process.send?.(answer);
  } catch (uncloneable) {
    process.send?.(asError(uncloneable));
  }
}

// Signals to the whole group of processes are for the parent: it finishes or abandons its tasks
// itself.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
process.on("disconnect", () => process.exit());
// A task that never yields would not hear that the parent is gone: a thread that does nothing else
// sees it.
new Worker(
  `setInterval(() => process.ppid === ${process.ppid} || process.kill(process.pid, "SIGKILL"), 1_000)`,
  { eval: true },
).unref();
// It ends by being killed, so what it compiled is cached as soon as there is an answer.
process.on("message", (call: TaskCall) => void answerTo(call).then(send).then(flushCompileCache));
