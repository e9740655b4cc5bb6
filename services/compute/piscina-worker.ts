/** Runs in the worker threads of piscina.ts: finds the task by name among the exports of its module and calls it. */
import { type ErrorCode, toHaystackError } from "../../errors.ts";

export interface TaskCall {
  readonly module: string;
  readonly name: string;
  readonly input: unknown;
}

/** An error as plain data: structured clone keeps neither the class nor the code of ours. */
export interface TaskError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Record<string, unknown> | undefined;
  readonly stack: string | undefined;
}

export type TaskAnswer = { readonly value: unknown } | { readonly error: TaskError };

export async function runTask({ module, name, input }: TaskCall): Promise<TaskAnswer> {
  try {
    const tasks = (await import(module)) as Record<string, unknown>;
    const task = tasks[name];
    if (typeof task !== "function") throw new Error(`The worker module exports no task ${name}.`);
    return { value: await (task as (input: unknown) => unknown)(input) };
  } catch (thrown) {
    const { code, message, details, stack } = toHaystackError(thrown);
    return { error: { code, message, details, stack } };
  }
}
