import type { Command, CommanderError } from "commander";
import { distance } from "fastest-levenshtein";
import { HaystackError } from "../errors.ts";

/** What is wrong with a command line, in our words: commander's own text reaches nobody. */

const MOST_SLIPS = 3;

const nearest = (word: string, known: readonly string[]): string | undefined =>
  known
    .map((name) => ({ name, slips: distance(word, name) }))
    .filter(({ name, slips }) => slips <= Math.min(MOST_SLIPS, name.length / 2))
    .toSorted((a, b) => a.slips - b.slips)[0]?.name;

/** The command that the words name, as far as they name one. */
function commandOf(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) return command;
    command = next;
  }
  return command;
}

const fullName = (command: Command): string =>
  command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;

const quotedIn = (text: string): string => /'([^']*)'/.exec(text)?.[1] ?? "";

/** Undefined where commander has shown what was asked for: help or version. */
export function usageError(
  { code, exitCode, message }: CommanderError,
  program: Command,
  words: readonly string[],
): HaystackError | undefined {
  if (exitCode === 0 || code === "commander.help") return undefined;
  const command = commandOf(program, words);
  const name = fullName(command);
  const see = `see ${name} --help.`;
  const quoted = quotedIn(message);
  const sentence = ((): string => {
    switch (code) {
      case "commander.unknownCommand": {
        const meant = nearest(
          quoted,
          command.commands.map((each) => each.name()),
        );
        return `${name} has no command ${quoted}; ${meant === undefined ? see : `did you mean ${meant}?`}`;
      }
      case "commander.unknownOption": {
        const meant = nearest(
          quoted,
          command.options.flatMap(({ long }) => (long ? [long] : [])),
        );
        return `${name} has no option ${quoted}; ${meant === undefined ? see : `did you mean ${meant}?`}`;
      }
      case "commander.missingArgument":
        return `${name} needs a <${quoted}>; ${see}`;
      case "commander.optionMissingArgument":
        return `${quoted.split(" ")[0]} needs a value; ${see}`;
      case "commander.excessArguments":
        return `${name} takes fewer words; put those that belong together in quotes, or ${see}`;
      case "commander.invalidArgument":
        return choicesRefused(message) ?? `A value cannot be used; ${see}`;
      default:
        return `The command line cannot be read; ${see}`;
    }
  })();
  return new HaystackError("USAGE", sentence, {});
}

/** Of an option or argument with choices. */
function choicesRefused(message: string): string | undefined {
  const [, choices = ""] = /Allowed choices are (.*)\.$/.exec(message) ?? [];
  const named = /^error: (?:option|command-argument value) '([^']*)'/.exec(message)?.[1];
  if (choices === "") return undefined;
  const what = message.includes("command-argument") || named === undefined ? "The value" : named;
  return `${what.split(" ")[0] === "The" ? "The value" : what.split(" ")[0]} must be one of ${choices}.`;
}
