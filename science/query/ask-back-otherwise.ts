import type { Knowledge } from "../knowledge/knowledge.ts";
import { askedBack, isGenetic } from "./ask-back.ts";
import { askedCause } from "./asked-cause.ts";
import { fromCells } from "./beside-cells.ts";
import { changedCells } from "./changed-cells.ts";
import { isNothing, saidExcepted, saidInactive } from "./given-otherwise.ts";
import type { CellTypeMention, GivenMention, Sentence } from "./mention.ts";
import { wordsOf } from "./mention.ts";
import { askedNeeded } from "./needed.ts";
import { otherCells } from "./other-cells.ts";
import { listed, quotable } from "./question-error.ts";
import { otherCondition, secondGiven, wordsOfAll } from "./second-condition.ts";
import type { StructuredQuery } from "./structured-query.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Questions whose names are known, and whose other words make something else of them. */

interface Said {
  readonly asked: CellTypeMention;
  /** What the question gives the cells. */
  readonly chosen: readonly GivenMention[];
  /** Whatever else the question names as given. */
  readonly given: readonly GivenMention[];
  readonly sentence: Sentence;
}

/**
 * Throws PERTURBATION_UNKNOWN where what is given does not act, is given in a dose of nothing, or is all
 * but what is named.
 */
export function refuseGivenOtherwise({ asked, chosen, sentence }: Said, dose: string | null): void {
  if (dose !== null && isNothing(dose))
    throw askedBack(
      "PERTURBATION_UNKNOWN",
      "inactive",
      `A dose of "${quotable(dose)}" is none, as control cells have it; name the dose that is given.`,
    );
  for (const each of chosen) {
    const name = quotable(wordsOf(each, sentence));
    const inactive = saidInactive(each, sentence);
    if (inactive !== null)
      throw askedBack(
        "PERTURBATION_UNKNOWN",
        "inactive",
        `"${quotable(inactive)}" is not the same as "${name}" that acts, and no atlas holds cells that were given it; ask about ${name} by itself.`,
      );
  }
  for (const each of [asked, ...chosen]) {
    const excepted = saidExcepted(each, sentence);
    if (excepted !== null)
      throw askedBack(
        "QUESTION_NOT_UNDERSTOOD",
        "exception",
        `The question asks about "${quotable(excepted)}", and one run predicts one cell type under one perturbation that is named; name the one you mean.`,
      );
  }
}

/**
 * Throws CELL_TYPE_NOT_IN_ATLAS for cells that are changed, and PERTURBATION_UNKNOWN for cells that were
 * given something else too: no answer about others stands for them.
 */
export function refuseChangedCells(said: Said, knowledge: Knowledge, vocabulary: Vocabulary): void {
  const { asked, chosen, given, sentence } = said;
  const names = quotable(wordsOfAll(chosen, sentence));
  const changed = given.find(
    (each) => !chosen.includes(each) && isGenetic(each) && each.to === asked.from,
  );
  const words = changed === undefined ? changedCells(said, knowledge) : wordsOf(changed, sentence);
  if (words !== null)
    throw askedBack(
      "CELL_TYPE_NOT_IN_ATLAS",
      "background",
      `The question asks about cells with "${quotable(words)}", and no atlas holds such cells given ${names}; ask about ${names} in cells as they are.`,
    );
  const second = secondGiven(chosen, given, sentence);
  const beside =
    second === undefined
      ? (fromCells(asked, sentence) ?? otherCondition(chosen, sentence, vocabulary))
      : wordsOf(second, sentence);
  if (beside !== null)
    throw askedBack(
      "PERTURBATION_UNKNOWN",
      "combination",
      `The question has "${quotable(beside)}" beside "${names}", and no atlas holds cells that were given both; ask about one of them.`,
    );
}

/** Throws QUESTION_NOT_UNDERSTOOD where the question is what something is needed for. */
export function refuseNeeded({ asked, chosen, sentence }: Said, knowledge: Knowledge): void {
  const words = askedNeeded(asked, chosen, sentence, knowledge);
  if (words === null) return;
  throw askedBack(
    "QUESTION_NOT_UNDERSTOOD",
    "need",
    `The question asks what is needed ("${quotable(words.trim())}"), which cells that lack it would show, and one run predicts cells as they are under ${quotable(wordsOfAll(chosen, sentence))}; ask about that alone, or about the knockout of a gene by itself.`,
  );
}

/** Throws QUESTION_NOT_UNDERSTOOD where the question is what brings about what it names. */
export function refuseCause({ asked, chosen, sentence }: Said): void {
  const words = askedCause(asked, chosen, sentence);
  if (words === null) return;
  throw askedBack(
    "QUESTION_NOT_UNDERSTOOD",
    "cause",
    `The question asks what brings about, or how much cells make ("${quotable(words.trim())}"), and one run predicts what something that is given does to cells; ask, for example, how they respond to ${quotable(wordsOfAll(chosen, sentence))}.`,
  );
}

/** Throws CELL_TYPE_NOT_IN_ATLAS where the words beside the cells make them others than the labels. */
export function refuseOtherCells(
  { asked, sentence }: Said,
  cell_type: StructuredQuery["cell_type"],
  knowledge: Knowledge,
  labels: readonly string[],
): void {
  const words = otherCells({ asked, cell_type, sentence, knowledge, labels });
  if (words === null) return;
  throw askedBack(
    "CELL_TYPE_NOT_IN_ATLAS",
    "cells",
    `"${quotable(words)}" says that the cells are others than ${listed(cell_type.atlas_labels)}, and no atlas holds such cells; ask about cells that it has: ${listed(labels)}.`,
  );
}
