import { knowledgeTerms } from "../knowledge/resolve.ts";
import { labelKey, tokenise, type Token } from "../knowledge/tokens.ts";
import { partsOutside } from "./instructions.ts";
import type { ChoiceContext } from "./model-choice-schema.ts";
import { quotable } from "./question-error.ts";
import { loadVocabulary } from "./vocabulary.ts";

/** What of a model's choice is held against the question and against what exists. */

/** What is wrong with a choice; sent back to the model. */
export class Rejected extends Error {}

export const reject = (problem: string): never => {
  throw new Rejected(problem);
};

const LONGEST_REASON = 200;

export function geneExists(symbol: string, { atlases, knowledge }: ChoiceContext): boolean {
  return (
    knowledgeTerms(knowledge).geneSymbols.get(labelKey(symbol)) === symbol ||
    atlases.some(({ genes }) => genes.includes(symbol))
  );
}

/** A model's reason as one short printable line. */
export function quotableReason(reason: string): string {
  const plain = reason.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
  return plain.length > LONGEST_REASON ? `${plain.slice(0, LONGEST_REASON)}...` : plain;
}

export function wordsOf(field: string, words: string, { question }: ChoiceContext): string {
  const spaced = (text: string): string =>
    text
      .replace(/[\p{C}\p{Z}]+/gu, " ")
      .trim()
      .toLowerCase();
  const isIn = (text: string): boolean => spaced(text).includes(spaced(words));
  if (spaced(words) === "" || !isIn(question))
    reject(`${field}: the question does not hold the words ${quotable(words)}.`);
  if (!partsOutside(question).some(isIn))
    reject(
      `${field}: the words ${quotable(words)} stand only in an instruction in the question, and none is followed.`,
    );
  return words.trim();
}

const NUMBER = /\d+(?:[.,]\d+)?/g;
/** The 14 of "CD14+" and the 12 of "IL-12" are part of a name. */
const NUMBER_OUTSIDE_NAMES = /(?<![\p{L}\p{N}.,]|[\p{L}\p{N}][-–])\d+(?:[.,]\d+)?/gu;

interface Evidence {
  readonly field: "cell_type" | "perturbation";
  /** Words of the question. */
  readonly text: string;
  /** Whether the words mean what was chosen. */
  readonly means: boolean;
  /** Whether the choice is a kind of what the rules read, or the other way round. */
  readonly refines: boolean;
  readonly chosen: string;
}

/**
 * Words such as "How would" are evidence of nothing; and where the rules read a name as it is
 * written, another one needs words that mean it.
 */
export function checkEvidence(
  { field, text, means, refines, chosen }: Evidence,
  { draft, instructed }: ChoiceContext & { readonly instructed: ReadonlySet<string> },
): void {
  if (instructed.has(chosen))
    reject(`${field}: only an instruction in the question names ${chosen}, and none is followed.`);
  if (means) return;
  const { stop_words, cue_verbs, cues } = loadVocabulary();
  const isFiller = ({ key }: Token): boolean =>
    [stop_words, cue_verbs, cues].some((words) => words.has(key));
  if (tokenise(text).every(isFiller)) reject(`${field}: the words ${quotable(text)} name none.`);
  const drafted = draft?.[field];
  const alternatives = (draft?.ambiguities ?? [])
    .filter((ambiguity) => ambiguity.field === field)
    .flatMap((ambiguity) => ambiguity.alternatives);
  if (
    drafted !== undefined &&
    drafted.match !== "spelling" &&
    ![drafted.name, ...alternatives].includes(chosen) &&
    !refines
  )
    reject(
      `${field}: the question names ${drafted.name}, and the words ${quotable(text)} do not mean ${chosen}.`,
    );
}

/** An amount may be written anew ("10 ng/ml" for "10ng/mL"), but not with other numbers. */
export function numbersOf(
  field: "dose" | "time",
  amount: string | null,
  { question, draft }: ChoiceContext,
): string | null {
  if (amount === null || amount === draft?.[field]) return amount;
  const numbers = amount.match(NUMBER) ?? [];
  const asked = partsOutside(question).join("\n");
  const stated = new Set(asked.match(NUMBER_OUTSIDE_NAMES));
  return amount.length <= 40 &&
    numbers.every((number) => stated.has(number)) &&
    (numbers.length > 0 || asked.toLowerCase().includes(amount.toLowerCase()))
    ? quotable(amount)
    : reject(`${field}: the question does not say ${quotable(amount)}.`);
}
