import { HaystackError } from "../../errors.ts";

export const LONGEST_QUESTION = 4_000;

/**
 * The question in lines as they were written; every other control, invisible or broken character is
 * a space. Errors: QUESTION_EMPTY, QUESTION_TOO_LONG.
 */
export function questionText(question: string): string {
  if (question.length > LONGEST_QUESTION)
    throw new HaystackError(
      "QUESTION_TOO_LONG",
      `The question has ${question.length} characters; shorten it to at most ${LONGEST_QUESTION}.`,
    );
  const text = question.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}]/gu, " ");
  if (text.trim() === "")
    throw new HaystackError(
      "QUESTION_EMPTY",
      "The question is empty; ask how a cell type responds to a perturbation.",
    );
  return text;
}
