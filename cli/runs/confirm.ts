import { createInterface } from "node:readline/promises";
import { HaystackError } from "../../errors.ts";
import { hint, note } from "../output.ts";
import type { Repairs } from "./operations.ts";

/**
 * Asks before something is done to several runs. Error USAGE where there is nobody to ask.
 * `--yes` answers.
 */
export async function confirmed(
  what: string,
  runIds: readonly string[],
  yes: boolean,
): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY)
    throw new HaystackError(
      "USAGE",
      `This would ${what} ${runIds.length} runs, and there is no terminal to ask on; add --yes to do it.`,
    );
  for (const runId of runIds) note(runId);
  return answersYes(`Do you want to ${what} these ${runIds.length} runs?`);
}

/** Asks on the terminal; anything but yes is no. */
async function answersYes(question: string): Promise<boolean> {
  hint(`${question} [y/N] `);
  const lines = createInterface({ input: process.stdin });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once("line", resolve);
      lines.once("close", () => resolve(""));
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

/**
 * Says what a run will take and what names of a question were repaired to, and asks on a terminal
 * whether that is meant; `yes` answers. Error QUESTION_NOT_UNDERSTOOD where it is not.
 */
export async function confirmReading(
  { did_you_mean, estimate }: Repairs,
  yes: boolean,
): Promise<void> {
  if (estimate != null) note(estimate.in_words);
  for (const { text, names } of did_you_mean)
    note(`"${text}" is no known name and is read as ${names[0]}.`);
  if (did_you_mean.length === 0 || yes || !process.stdin.isTTY) return;
  if (await answersYes(`Did you mean ${did_you_mean.map(({ names }) => names[0]).join(" and ")}?`))
    return;
  throw new HaystackError(
    "QUESTION_NOT_UNDERSTOOD",
    `Nothing was run; write the usual name in place of ${did_you_mean.map(({ text }) => `"${text}"`).join(" and ")}.`,
  );
}
