import { knowledgeTerms } from "../knowledge/resolve.ts";
import { labelKey } from "../knowledge/tokens.ts";
import { partsOutside } from "./instructions.ts";
import type { ChoiceContext } from "./model-choice-schema.ts";
import { quotable } from "./question-error.ts";

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

/** An amount may be written anew ("10 ng/ml" for "10ng/mL"), but not with other numbers. */
export function numbersOf(
  field: "dose" | "time",
  amount: string | null,
  { question, draft }: ChoiceContext,
): string | null {
  if (amount === null || amount === draft?.[field]) return amount;
  const numbers = amount.match(/\d+/g) ?? [];
  const asked = partsOutside(question).join("\n");
  return amount.length <= 40 &&
    numbers.every((number) => asked.includes(number)) &&
    (numbers.length > 0 || asked.toLowerCase().includes(amount.toLowerCase()))
    ? quotable(amount)
    : reject(`${field}: the question does not say ${quotable(amount)}.`);
}
