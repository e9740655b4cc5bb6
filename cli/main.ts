import { CommanderError } from "commander";
import { ownVariables, redactor } from "../config.ts";
import { errorBody, toHaystackError } from "../errors.ts";
import { note, outliveReaders, say } from "./output.ts";
import { useProxies } from "./proxies.ts";
import { systemWords } from "../system-words.ts";
import { buildProgram } from "./program.ts";
import { usageError } from "./usage.ts";

/**
 * Runs one command line and returns its exit code: 0 done, 1 failed, 2 wrong usage or input, 130
 * cancelled.
 */
export async function main(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  let exitCode = 0;
  outliveReaders((thrown) => {
    const why = systemWords(thrown) ?? thrown.message;
    note(`haystack: The result could not be written to stdout: ${why}.`);
    process.once("exit", () => (process.exitCode = 1));
  });
  const program = buildProgram((code) => {
    exitCode = code;
  });
  try {
    useProxies();
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (thrown) {
    const error =
      thrown instanceof CommanderError
        ? usageError(thrown, program, args)
        : toHaystackError(thrown);
    if (error === undefined) return (thrown as CommanderError).exitCode === 0 ? 0 : 2;
    const redact = redactor(ownVariables(process.env));
    const message = redact(oneLine(error.message));
    note(`haystack: ${message}`);
    if (error.code === "INTERNAL" && process.env["HAYSTACK_DEBUG"] !== undefined)
      note(redact(String(error.cause instanceof Error ? error.cause.stack : error.stack)));
    if (json) say(`${redact(JSON.stringify({ ...errorBody(error), message }))}\n`);
    return error.exitCode;
  }
}

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, " ");
