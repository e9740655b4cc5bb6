import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { getHeapStatistics } from "node:v8";
import pLimit from "p-limit";
import { type ErrorCode, HaystackError, machineFault, toHaystackError } from "../../errors.ts";
import { given } from "../../given.ts";
import { ownProgram } from "../../own-files.ts";
import { systemWords } from "../../system-words.ts";
import type { Compute, TaskMap } from "./index.ts";
import { OVER_MEMORY, type TaskAnswer, type TaskCall } from "./task-calls.ts";

/** A limit, and the variable that sets it, for messages. */
interface Limit {
  readonly value: number;
  readonly variable: string;
}

/** What one task may use. */
export interface TaskLimits {
  readonly minutes?: Limit;
  readonly gigabytes?: Limit;
}

interface ProcessOptions {
  /** Module whose named exports are the tasks. */
  readonly filename: URL;
  readonly processes: number;
  /** A task that runs longer is killed: COMPUTE_OVER_TIME. */
  readonly limitMinutes: number;
  /** Of single tasks, by name: less time, or a limit of memory (COMPUTE_OVER_MEMORY). */
  readonly limits?: Readonly<Record<string, TaskLimits>>;
  /** What the machine has run out of, for failures that do not say why. */
  readonly cause?: () => HaystackError | undefined;
  /** An idle process ends after this time. */
  readonly idleMs?: number;
}

/** A library that meets a full disk may say only that it cannot write. */
const UNEXPLAINED: ReadonlySet<ErrorCode> = new Set(["INTERNAL", "COMPUTE_ENDED", "FILE_DAMAGED"]);

const PROGRAM = ownProgram("services/compute/task-process.ts");

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

const stopped = (name: string): HaystackError =>
  new HaystackError("STEP_ABORTED", `The computation ${name} was stopped before it finished.`);

const overTime = (name: string, { value, variable }: Limit): HaystackError =>
  new HaystackError(
    "COMPUTE_OVER_TIME",
    `The computation ${name} was stopped after ${value} minutes; its input may be damaged, or ${variable} is too short for it.`,
  );

const overMemory = (name: string, { value, variable }: Limit): HaystackError =>
  new HaystackError(
    "COMPUTE_OVER_MEMORY",
    `The computation ${name} was stopped as it took more than ${value} GB of memory; its input may be damaged, or ${variable} is too low for it.`,
  );

/** A process that ended before it answered, or never began. */
class Ended extends HaystackError {
  readonly signal: string | null;

  constructor(name: string, how: string, signal: string | null = null) {
    super(
      "COMPUTE_ENDED",
      `The process that computed ${name} ended without an answer (${how}); it may have run out of memory.`,
    );
    this.signal = signal;
  }
}

/**
 * One that the machine refused has no process id, and Node would take that for 0: a kill would hit
 * the group of this process.
 */
const end = (child: ChildProcess): void => {
  if (child.pid !== undefined) child.kill("SIGKILL");
};

const isOfSystem = (thrown: unknown): thrown is Error =>
  thrown instanceof Error &&
  ("syscall" in thrown || String((thrown as NodeJS.ErrnoException).code).startsWith("ERR_IPC"));

/** The machine refuses a process, or its connection broke. */
const lost = (name: string, thrown: Error): HaystackError =>
  machineFault(thrown, `The computation ${name}`) ??
  new Ended(name, systemWords(thrown) ?? "its connection broke");

/** What a task may know of this process's environment: no address, no secret. */
function taskEnvironment(): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE, NODE_OPTIONS, TMPDIR, TZ } = process.env;
  return { NODE_COMPILE_CACHE, NODE_OPTIONS, TMPDIR, TZ };
}

/** What V8 allows itself may be less than what a task may take, and then ends the process. */
function heapFor(limits: Readonly<Record<string, TaskLimits>>): string[] {
  const bytes = Object.values(limits).reduce(
    (most, { gigabytes }) => Math.max(most, (gigabytes?.value ?? 0) * 1e9),
    0,
  );
  return bytes <= getHeapStatistics().heap_size_limit
    ? []
    : [`--max-old-space-size=${Math.ceil(bytes / 2 ** 20)}`];
}

/**
 * Tasks in a pool of processes: one that hangs, runs out of memory or is stopped in the middle
 * takes nothing else with it (docs/decisions/0017). Input and result are copied (structured clone).
 * `close` kills what runs.
 */
export function processCompute<Tasks extends TaskMap>({
  filename,
  processes,
  limitMinutes,
  limits = {},
  cause,
  idleMs = 30_000,
}: ProcessOptions): Compute<Tasks> {
  const limit = pLimit(processes);
  const alive = new Set<ChildProcess>();
  const idle = new Map<ChildProcess, NodeJS.Timeout>();
  let closed = false;

  const execArgv = heapFor(limits);
  const start = (): ChildProcess => {
    // What a task prints goes to standard error: standard output belongs to the command.
    const child = fork(PROGRAM, {
      serialization: "advanced",
      execArgv,
      env: taskEnvironment(),
      stdio: ["ignore", 2, 2, "ipc"],
    });
    const forget = (): void => {
      alive.delete(child);
      clearTimeout(idle.get(child));
      idle.delete(child);
    };
    child.once("exit", forget);
    child.on("error", () => child.pid === undefined && forget());
    alive.add(child);
    return child;
  };

  const take = (): ChildProcess => {
    const [waiting] = [...idle].at(-1) ?? [];
    if (waiting === undefined) return start();
    clearTimeout(idle.get(waiting));
    idle.delete(waiting);
    waiting.ref();
    waiting.channel?.ref();
    return waiting;
  };

  const giveBack = (child: ChildProcess): void => {
    if (closed || child.killed || !child.connected) return end(child);
    child.unref();
    child.channel?.unref();
    const endIdle = (): void => {
      idle.delete(child);
      end(child);
    };
    idle.set(child, setTimeout(endIdle, idleMs).unref());
  };

  const call = async (name: string, input: unknown, signal?: AbortSignal): Promise<unknown> => {
    if (closed || isAborted(signal)) throw stopped(name);
    const child = take();
    const { gigabytes, minutes = { value: limitMinutes, variable: "COMPUTE_MINUTES" } } =
      limits[name] ?? {};
    const late = AbortSignal.timeout(minutes.value * 60_000);
    const kill = (): void => end(child);
    for (const stop of [signal, late]) stop?.addEventListener("abort", kill, { once: true });
    try {
      const answer = await ask(child, {
        module: filename.href,
        name,
        input,
        ...given({ memoryBytes: gigabytes && gigabytes.value * 1e9 }),
      });
      if (answer.isLast === true) child.kill("SIGKILL");
      else giveBack(child);
      if ("value" in answer) return answer.value;
      const { code, message, details, stack } = answer.error;
      const error = new HaystackError(code, message, details === undefined ? {} : { details });
      if (stack !== undefined) error.stack = stack;
      throw error;
    } catch (thrown) {
      if (closed || isAborted(signal)) throw stopped(name);
      if (late.aborted) throw overTime(name, minutes);
      if (gigabytes !== undefined && thrown instanceof Ended && thrown.signal === OVER_MEMORY)
        throw overMemory(name, gigabytes);
      const error = toHaystackError(thrown);
      throw UNEXPLAINED.has(error.code) ? (cause?.() ?? error) : error;
    } finally {
      for (const stop of [signal, late]) stop?.removeEventListener("abort", kill);
    }
  };

  return {
    async run<Name extends keyof Tasks & string>(
      name: Name,
      input: Parameters<Tasks[Name]>[0],
      signal?: AbortSignal,
    ): Promise<Awaited<ReturnType<Tasks[Name]>>> {
      if (isAborted(signal)) throw stopped(name);
      const abort = Promise.withResolvers<never>();
      const onAbort = (): void => abort.reject(stopped(name));
      signal?.addEventListener("abort", onAbort, { once: true });
      try {
        return (await Promise.race([limit(call, name, input, signal), abort.promise])) as Awaited<
          ReturnType<Tasks[Name]>
        >;
      } finally {
        signal?.removeEventListener("abort", onAbort);
      }
    },
    async close() {
      closed = true;
      await Promise.all(
        [...alive].map(async (child) => {
          child.ref();
          end(child);
          await once(child, "exit");
        }),
      );
    },
  };
}

/** The answer to one call. A process that ends before it answers, or never starts, is an error. */
async function ask(child: ChildProcess, call: TaskCall): Promise<TaskAnswer> {
  if (child.pid === undefined)
    throw lost(call.name, await new Promise<Error>((resolve) => child.once("error", resolve)));
  const settled = new AbortController();
  const answered = once(child, "message", settled).then(([answer]) => answer as TaskAnswer);
  const ended = once(child, "exit", settled).then(([code, signal]) => {
    throw new Ended(
      call.name,
      (signal as string | null) ?? `exit code ${String(code)}`,
      signal as string | null,
    );
  });
  try {
    const sent = new Promise<never>((_, reject) =>
      child.send(call, (error) => error !== null && reject(lost(call.name, error))),
    );
    return await Promise.race([answered, ended, sent]);
  } catch (thrown) {
    end(child);
    throw isOfSystem(thrown) ? lost(call.name, thrown) : thrown;
  } finally {
    settled.abort();
  }
}
