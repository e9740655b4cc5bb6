import { HaystackError, toHaystackError } from "./errors.ts";
import { systemWords } from "./system-words.ts";

/**
 * Work on a cache, which nothing may fail by: what it holds can be had otherwise. Undefined where it
 * failed. Rejects as the signal says.
 */
export type Spared = <Result>(
  work: () => Promise<Result>,
  signal?: AbortSignal,
) => Promise<Result | undefined>;

export interface SparedWords {
  /** "Answers cannot be kept": begins the sentence that tells of it. */
  readonly what: string;
  /** "they are asked for anew": ends it. */
  readonly instead: string;
}

/** Tells of a trouble once, until the work succeeds. */
export function sparing(
  { what, instead }: SparedWords,
  tell: ((trouble: HaystackError) => void) | undefined,
): Spared {
  let isTold = false;
  return async (work, signal) => {
    try {
      const result = await work();
      isTold = false;
      return result;
    } catch (thrown) {
      signal?.throwIfAborted();
      const { code, message } = toHaystackError(thrown);
      if (code === "STEP_ABORTED") throw thrown;
      const why = thrown instanceof HaystackError ? message : (systemWords(thrown) ?? message);
      if (!isTold)
        tell?.(
          new HaystackError(code, `${what}: ${why.replace(/\.$/, "")}; ${instead}.`, {
            cause: thrown,
          }),
        );
      isTold = true;
      return undefined;
    }
  };
}
