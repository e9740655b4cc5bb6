import { Argument, type Command } from "commander";
import type { CommonOptions } from "../common.ts";
import { candidates, type Candidate } from "../completion/candidates.ts";
import { SCRIPTS, SHELLS, type Shell } from "../completion/scripts.ts";
import { print } from "../output.ts";
import { openRunOperations } from "../runs/open.ts";

const MOST_RUNS = 50;
const DESCRIPTION_CHARACTERS = 60;

/** `completion`, and the hidden `complete` that its scripts ask. */
export function addCompletionCommands(program: Command): void {
  program
    .command("completion")
    .description("Print what makes a shell complete commands, options and ids of runs.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .action((shell: Shell, options: CommonOptions) =>
      print(options.json === true, { shell, script: SCRIPTS[shell] }, SCRIPTS[shell]),
    );

  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .action(async (words: readonly string[], options: CommonOptions) => {
      const found = await candidates(program, words, runIds);
      if (options.json === true) return print(true, { candidates: found }, "");
      if (found.length > 0) print(false, null, found.map(line).join("\n"));
    });
}

const line = ({ text, description }: Candidate): string =>
  `${text}\t${description.replaceAll(/\s+/g, " ").slice(0, DESCRIPTION_CHARACTERS)}`;

/** None where they cannot be had: a shell that completes shows no errors. */
async function runIds(): Promise<readonly Candidate[]> {
  try {
    const runs = await (await openRunOperations({})).list({ limit: MOST_RUNS });
    return runs.map(({ run_id, status, query }) => ({
      text: run_id,
      description: `${status}: ${query}`,
    }));
  } catch {
    return [];
  }
}
