import { isDamage } from "./damaged.ts";
import { systemWords } from "../../../system-words.ts";

/** Of the thread that owns the connection. `problem` is in our words, `text` as it was thrown. */
export type Answer<Value = unknown> =
  | {
      readonly value: Value;
      readonly problem?: undefined;
      readonly text?: undefined;
      readonly isDamage?: undefined;
    }
  | { readonly problem: string; readonly text: string; readonly isDamage: boolean };

export const failed = (thrown: unknown): Answer<never> => ({
  problem: systemWords(thrown) ?? "the request is not one that it takes",
  isDamage: isDamage(thrown),
  text: thrown instanceof Error ? thrown.message : String(thrown),
});
