import type { JobKind, PairKind, PairName, PromptPairs } from "./pair-types.ts";

const LETTER: Readonly<Record<JobKind, string>> = { prediction: "p", control: "c", round: "r" };

/** Of the first, second, ... prompt of a round. */
export const pairName = (kind: PairKind, number: number): PairName =>
  number === 1 ? kind : `${kind}-${number}`;

/** What a round of several prompts predicts: each prediction, and each control once. */
export const pairsOfPrompts = (prompts: readonly PromptPairs[]): readonly PairName[] => [
  ...new Set([
    ...prompts.map(({ prediction }) => prediction),
    ...prompts.flatMap(({ control }) => control ?? []),
  ]),
];

/** What a job of a round with one prompt predicts, in this order. */
export const pairsOf = (kind: JobKind): readonly PairName[] =>
  kind === "round" ? ["prediction", "control"] : [kind];

/**
 * The name of an inference job: the same for the same run, iteration, kind and attempt (D4), and
 * valid for Google Batch (at most 63 of [a-z0-9-]). `run_id` must be a valid part of it: see
 * isRunId.
 */
export function jobId(runId: string, iteration: number, kind: JobKind, attempt: number): string {
  return `hs-${runId}-i${iteration}-${LETTER[kind]}-a${attempt}`;
}

/**
 * Lower-case letters, digits and inner hyphens, at most 44: leaves room for the rest of a job id.
 */
export function isRunId(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,42}[a-z0-9])?$/.test(text);
}

/** The run that a job of ours belongs to; undefined for a job that is not. */
export function runOfJob(id: string): string | undefined {
  return /^hs-(.+)-i\d+-[pcr]-a\d+$/.exec(id)?.[1];
}
