import { createInterface } from "node:readline/promises";
import { HaystackError } from "../../errors.ts";
import { hint, note } from "../output.ts";

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
  hint(`Do you want to ${what} these ${runIds.length} runs? [y/N] `);
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
