import type { ErrorCode } from "../../errors.ts";

/** What a pool and its processes say to each other. */

/** A signal that nobody else sends and that ends a process at once, whatever it computes. */
export const OVER_MEMORY = "SIGUSR2";
export interface TaskCall {
  readonly module: string;
  readonly name: string;
  readonly input: unknown;
  /** Resident memory above which the process ends itself by OVER_MEMORY. */
  readonly memoryBytes?: number | undefined;
}

/** An error as plain data: structured clone keeps neither the class nor the code of ours. */
export interface TaskError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Record<string, unknown> | undefined;
  readonly stack: string | undefined;
}

export type TaskAnswer = ({ readonly value: unknown } | { readonly error: TaskError }) & {
  /** The process must be given no more work. */
  readonly isLast?: boolean;
};
