import type { Reporter } from "vitest/node";
import { REAL_PARTS, type RealPart } from "./real-parts.ts";

/** What was skipped and how to have it, in one line; undefined when nothing was skipped. */
export function skippedLine(skipped: number, parts: readonly RealPart[]): string | undefined {
  if (skipped === 0) return undefined;
  const missing = parts.filter(({ found }) => found === undefined);
  const why = missing.map(({ name, hint }) => `${name} (${hint})`).join("; ");
  return `${skipped} tests were skipped.${missing.length === 0 ? "" : ` Missing here: ${why}.`}`;
}

/** The last line of a test run. */
export const skippedReporter: Reporter = {
  onTestRunEnd(modules) {
    let skipped = 0;
    for (const { children } of modules)
      for (const { options } of children.allTests("skipped"))
        if (options.mode === "skip" || options.mode === "run") skipped += 1;
    const line = skippedLine(skipped, REAL_PARTS);
    if (line !== undefined) process.once("exit", () => process.stdout.write(`${line}\n`));
  },
};
