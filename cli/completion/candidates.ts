import type { Command, Option } from "commander";

/** What could stand at the end of a command line, from the tree of commands itself. */

export interface Candidate {
  readonly text: string;
  readonly description: string;
}

/** Names of things that only the store knows. */
export type RunIds = () => Promise<readonly Candidate[]>;

/** `words` are those behind `haystack`; the last one, maybe empty, is to be completed. */
export async function candidates(
  program: Command,
  words: readonly string[],
  runIds: RunIds,
): Promise<Candidate[]> {
  const last = words.at(-1) ?? "";
  const { command, before } = descend(program, words.slice(0, -1));
  const open = before.at(-1);
  const awaiting = open === undefined ? undefined : optionNamed(command, open);
  const found =
    awaiting !== undefined && takesValue(awaiting)
      ? valuesOf(awaiting)
      : last.startsWith("-")
        ? optionsOf(command)
        : [...commandsOf(command), ...(await argumentsOf(command, runIds))];
  return found.filter(({ text }) => text.startsWith(last));
}

/** The command that the words name, and the words behind its name. */
function descend(
  program: Command,
  words: readonly string[],
): { readonly command: Command; readonly before: readonly string[] } {
  let command = program;
  let used = 0;
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) break;
    command = next;
    used += 1;
  }
  return { command, before: words.slice(used) };
}

const optionNamed = (command: Command, word: string): Option | undefined =>
  command.options.find(({ long, short }) => word === long || word === short);

const takesValue = ({ required, optional }: Option): boolean => required || optional;

const valuesOf = ({ argChoices }: Option): Candidate[] =>
  (argChoices ?? []).map((text) => ({ text, description: "" }));

const optionsOf = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, description }) => (long ? [{ text: long, description }] : []));

const commandsOf = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .map((each) => ({ text: each.name(), description: each.description() }));

async function argumentsOf(command: Command, runIds: RunIds): Promise<readonly Candidate[]> {
  const [first] = command.registeredArguments;
  return first?.name() === "run-id" ? runIds() : [];
}
