import { parseArgsStringToArgv } from "string-argv";
import { HaystackError } from "../../../errors.ts";
import { ownProgram } from "../../../own-files.ts";
import { type Model, modelNamed } from "../index.ts";

/**
 * What the local executor runs: arguments with placeholders, and the model's name for files and
 * report.
 */
export interface InferenceProgram {
  readonly command: readonly string[];
  readonly model: Model;
}

/** Of one pair of files, or of a manifest that lists several. */
export type PlaceholderValues = { readonly seed: string } & (
  | { readonly prompt: string; readonly query: string; readonly output: string }
  | { readonly manifest: string }
);

const OF_A_PAIR = ["prompt", "query", "output"] as const;
const KNOWN: readonly string[] = [...OF_A_PAIR, "manifest", "seed"];
const PLACEHOLDER = /\{(\w+)\}/g;

const BASELINE_MAIN = ownProgram("science/inference/delta-transfer-main.ts");

/** The built-in baseline: prediction = query + mean(prompt) - mean(query). */
export const BASELINE_PROGRAM: InferenceProgram = {
  command: [
    process.execPath,
    BASELINE_MAIN,
    "--prompt",
    "{prompt}",
    "--query",
    "{query}",
    "--output",
    "{output}",
  ],
  model: modelNamed("delta-transfer"),
};

/** The words of a command line; single and double quotes group them, and no shell is involved. */
export const wordsOf = (line: string): string[] => parseArgsStringToArgv(line);

const invalid = (problem: string): HaystackError =>
  new HaystackError(
    "INFERENCE_COMMAND_INVALID",
    `INFERENCE_COMMAND ${problem}: write it like "program --prompt {prompt} --query {query} --output {output} --seed {seed}", or like "program --manifest {manifest} --seed {seed}".`,
  );

const placeholders = (command: readonly string[]): string[] =>
  command.flatMap((word) => [...word.matchAll(PLACEHOLDER)].map((match) => match[1] ?? ""));

/** Whether the program predicts several pairs in one go, and knows by itself which are done. */
export const takesManifest = (command: readonly string[]): boolean =>
  placeholders(command).includes("manifest");

/**
 * A program from INFERENCE_COMMAND. Single and double quotes group words; no shell is involved.
 * Required are {prompt}, {query} and {output}, or {manifest}; {seed} is optional. Error
 * INFERENCE_COMMAND_INVALID.
 */
export function inferenceProgram(template: string, modelName: string): InferenceProgram {
  const command = wordsOf(template);
  if (command.length === 0) throw invalid("is empty");
  if (wordsOf(`${template} end`).at(-1) !== "end") throw invalid("has a quote that is not closed");
  const used = placeholders(command);
  const named = OF_A_PAIR.filter((name) => used.includes(name));
  if (takesManifest(command)) {
    if (named.length > 0)
      throw invalid(`has {manifest} beside ${named.map((name) => `{${name}}`).join(", ")}`);
  } else {
    const missing = OF_A_PAIR.filter((name) => !used.includes(name));
    if (missing.length > 0) throw invalid(`lacks ${missing.map((name) => `{${name}}`).join(", ")}`);
  }
  const unknown = used.filter((name) => !KNOWN.includes(name));
  if (unknown.length > 0)
    throw invalid(`has the unknown placeholder ${unknown.map((name) => `{${name}}`).join(", ")}`);
  return { command, model: modelNamed(modelName) };
}

/** The arguments with every placeholder replaced; a value is never split or interpreted. */
export function fillCommand(command: readonly string[], values: PlaceholderValues): string[] {
  const known: Readonly<Record<string, string>> = { ...values };
  return command.map((word) =>
    word.replaceAll(PLACEHOLDER, (text, name: string) => known[name] ?? text),
  );
}
