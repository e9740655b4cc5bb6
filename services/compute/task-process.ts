/**
 * The program of a process of processes.ts: finds each task by name among the exports of its
 * module, calls it and answers.
 */
import { flushCompileCache } from "node:module";
import { Worker } from "node:worker_threads";
import { toHaystackError } from "../../errors.ts";
import { isSpent } from "../../last-work.ts";
import { OVER_MEMORY, type TaskAnswer, type TaskCall } from "./task-calls.ts";

const MEMORY_EVERY_MS = 50;

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

function send(found: TaskAnswer): void {
  try {
    process.send?.(found);
  } catch (uncloneable) {
    process.send?.(asError(uncloneable));
  }
}

// Signals to the whole group of processes are for the parent: it finishes or abandons its tasks
// itself.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
process.on("disconnect", () => process.exit());
// A task that never yields would hear neither that the parent is gone nor that it has grown too
// large (no option of Node bounds the memory of WebAssembly): a thread that does nothing else sees it.
const watcher = new Worker(
  `setInterval(() => process.ppid === ${process.ppid} || process.kill(process.pid, "SIGKILL"), 1_000);
  let watching;
  require("node:worker_threads").parentPort.on("message", (bytes) => {
    clearInterval(watching);
    if (bytes === undefined) return;
    watching = setInterval(
      () => process.memoryUsage.rss() < bytes || process.kill(process.pid, "${OVER_MEMORY}"),
      ${MEMORY_EVERY_MS},
    );
  });`,
  { eval: true },
);
watcher.unref();

async function answer(call: TaskCall): Promise<void> {
  watcher.postMessage(call.memoryBytes);
  const found = await answerTo(call);
  watcher.postMessage(undefined);
  send(isSpent() ? { ...found, isLast: true } : found);
  // It ends by being killed, so what it compiled is cached as soon as there is an answer.
  flushCompileCache();
}

process.on("message", (call: TaskCall) => void answer(call));
