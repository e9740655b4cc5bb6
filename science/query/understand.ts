import { HaystackError } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";
import type { AtlasIndex } from "../atlas/atlas-index.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { loadKnowledge } from "../knowledge/load.ts";
import {
  amountsTaken,
  lineageForLine,
  nameOf,
  otherLineage,
  others,
  otherStated,
} from "./ambiguities.ts";
import type { Stated } from "./amounts.ts";
import { isBareGene, refuseComparison, refuseContrast, refuseInhibited } from "./ask-back.ts";
import {
  refuseCause,
  refuseChangedCells,
  refuseGivenOtherwise,
  refuseNeeded,
  refuseOtherCells,
} from "./ask-back-otherwise.ts";
import { isGivenBefore, readOrigins } from "./context.ts";
import { inAtlases } from "./context-in-atlas.ts";
import { chooseAsked, chooseGiven, isLineOf } from "./choose-mention.ts";
import { withoutDescribing } from "./described-by-class.ts";
import { dosesOf } from "./given-together.ts";
import { outsideOf, withoutInstructed } from "./instructions.ts";
import { wordsOf } from "./mention.ts";
import type { CellTypeMention, GivenMention, Mention } from "./mention.ts";
import {
  quotable,
  throwUnknown,
  throwUnsure,
  unknownCells,
  unknownGene,
  unknownGiven,
} from "./question-error.ts";
import { readCellType } from "./read-cell-type.ts";
import { readPerturbation, readTogether, whatIsGiven } from "./read-perturbation.ts";
import { nearDrugs, repairsOf, rivals } from "./repairs.ts";
import { readMentions } from "./read-mentions.ts";
import { isOfVessel, readDonors, readTissues } from "./sample-words.ts";
import type { Context, StructuredQuery } from "./structured-query.ts";
import { unreadBeside } from "./unread-words.ts";

/**
 * Reads a free question by rules: which cell type, which perturbation, dose, time, tissue, donor,
 * and what the curated knowledge expects to happen. Pure. The question is only searched for names;
 * nothing in it is followed.
 * Errors: QUESTION_EMPTY, QUESTION_TOO_LONG (over 4,000 characters), QUESTION_NOT_UNDERSTOOD,
 * CELL_TYPE_UNKNOWN, PERTURBATION_UNKNOWN, CELL_TYPE_NOT_IN_ATLAS.
 */
export function understandQuestion(
  question: string,
  atlases: readonly AtlasIndex[],
  knowledge: Knowledge = loadKnowledge(),
): StructuredQuery {
  const { text, vocabulary, labels, terms, amounts, sentence, all, mentions, unanswered, aside } =
    readMentions(question, atlases, knowledge);
  const cells = withoutInstructed(mentions.filter(isCellType), sentence);
  const withGenes = withoutDescribing(
    withoutInstructed(mentions.filter(isGiven), sentence),
    sentence,
  );
  const given = withoutBareGenes(withGenes);

  const asked = chooseAsked(cells, sentence, vocabulary);
  const after = given.filter((each) => !isGivenBefore(each, sentence));
  const named = chooseGiven(after.length > 0 ? after : given, sentence, vocabulary);
  refuseComparison({ cells, given, amounts, sentence }, labels, vocabulary);
  if (asked === undefined || named === undefined) throwMissing();
  refuseUnsure([asked], "CELL_TYPE_UNKNOWN", "cell type");
  refuseInhibited(unanswered, named, sentence);
  const { chosen, together, labelsOfAll } = whatIsGiven(
    { named, given, withGenes, sentence },
    knowledge,
    labels,
  );

  refuseUnsure([named, ...together], "PERTURBATION_UNKNOWN", "perturbation");
  const said = { asked, chosen: [chosen, named, ...together], given, sentence };
  const doses = dosesOf([named, ...together], amounts.doses, given, sentence);
  refuseGivenOtherwise(said, first(doses));
  refuseNeeded(said, knowledge);
  refuseCause(said);
  const tissues = readTissues(sentence, all.filter(isGiven), vocabulary);
  const donors = readDonors(text, labels.donors, sentence.instructed);
  const before = given.filter(
    (each) => each !== named && !together.includes(each) && isGivenBefore(each, sentence),
  );
  const origins = readOrigins({ sentence, tissues, before }, atlases, vocabulary);
  refuseContrast(origins, sentence);
  const tissue = first(tissues);
  const organ = isOfVessel(tissues[0], sentence) ? null : tissue;
  const cell_type = readCellType({ asked, sentence, tissue: organ }, knowledge, labels);
  refuseOtherCells(
    said,
    cell_type,
    knowledge,
    labels.cellTypes.map(({ label }) => label),
  );
  const { perturbation, expected, ambiguities } =
    labelsOfAll === undefined
      ? readPerturbation(chosen, { sentence, labels, knowledge })
      : readTogether(together, labelsOfAll, { sentence, labels, knowledge });
  const context = inAtlases(origins, atlases, cell_type);
  const isHeld = ({ to }: Mention): boolean =>
    origins.some((each, at) => each.to === to + 1 && (context[at]?.chose ?? null) !== null);
  refuseChangedCells(
    { ...said, given: given.filter((each) => !isHeld(each)) },
    knowledge,
    vocabulary,
  );
  const ofLine = cells.filter((each) => isLineOf(asked, each, sentence, vocabulary));
  return {
    task_type: "perturbational",
    cell_type,
    perturbation,
    ...expected,
    dose: first(doses),
    time: first(amounts.times),
    tissue,
    donor: first(donors),
    literature_context: [],
    context,
    ambiguities: [
      ...ambiguities,
      ...amountsTaken(perturbation, { dose: first(doses), time: first(amounts.times) }, atlases),
      ...repairsOf({ cell_type, perturbation }).map(({ field, text: words, name }) => ({
        field,
        text: words,
        chosen: name,
        alternatives: [],
      })),
      ...lineageForLine(asked, cell_type),
      ...unreadBeside(
        {
          asked,
          chosen: labelsOfAll === undefined ? [named] : together,
          cell_type,
          perturbation,
          named: [...cells, ...given],
          before,
          stated: [...tissues, ...donors],
          origins: origins.flatMap((each, at) => ({ ...each, chose: context[at]?.chose ?? null })),
          amounts: amounts.spans,
        },
        sentence,
        vocabulary,
      ),
      ...otherLineage(asked, ofLine, cell_type, sentence, knowledge),
      ...others(
        { field: "cell_type", chosenName: cell_type.name, chosen: asked },
        cells.filter((each) => !ofLine.includes(each)),
        sentence,
      ),
      ...others(
        { field: "perturbation", chosenName: perturbation.name, chosen: named },
        given.filter(
          (each) =>
            each === named ||
            (!(together.includes(each) && labelsOfAll !== undefined) && !before.includes(each)),
        ),
        sentence,
      ),
      ...otherStated("dose", doses),
      ...otherStated("time", amounts.times),
      ...otherStated("tissue", tissues),
      ...otherStated("donor", donors),
    ],
    control_strategy_fallback: null,
    understood_by: "rules",
  };

  /** A name that was repaired goes on only where it can be no other of its kind. */
  function refuseUnsure(chosenOnes: readonly Mention[], code: ErrorCode, what: string): void {
    for (const each of chosenOnes) {
      const further = rivals(each, sentence, terms, knowledge);
      if (further.length > 0)
        throwUnsure(code, what, wordsOf(each, sentence), {
          couldBe: [nameOf(each), ...further],
          inAtlas: (code === "CELL_TYPE_UNKNOWN" ? labels.cellTypes : labels.perturbations).map(
            ({ label }) => label,
          ),
        });
    }
  }

  function throwMissing(): never {
    if (asked === undefined && named === undefined) {
      throw new HaystackError(
        "QUESTION_NOT_UNDERSTOOD",
        `The question names no known cell type and no known perturbation; ask, for example: How would CD14+ monocytes respond to IFN-beta?`,
        { details: { question: quotable(text) } },
      );
    }
    if (named === undefined) {
      const unknown = unknownGiven(sentence, vocabulary) ?? unknownGene(sentence);
      const ofCells = aside[0];
      const isUnknown =
        ofCells === undefined || unknown?.includes(wordsOf(ofCells, sentence)) === false;
      if (unknown !== null && isUnknown)
        throwUnknown("PERTURBATION_UNKNOWN", "perturbation", unknown, {
          terms: terms.perturbations,
          inAtlas: labels.perturbations.map(({ label }) => label),
          known: nearDrugs,
        });
      const other = ofCells ?? all.filter(isGiven).find((each) => !isBareGene(each));
      const names =
        other === undefined
          ? "no perturbation"
          : `"${quotable(wordsOf(other, sentence))}", and not as what the cells are given`;
      throw new HaystackError(
        "QUESTION_NOT_UNDERSTOOD",
        `The question names ${names}; say what the cells are treated with, for example: respond to IFN-beta.`,
        {
          details: { question: quotable(text) },
        },
      );
    }
    throwUnknown("CELL_TYPE_UNKNOWN", "cell type", unknownCells(sentence, vocabulary), {
      terms: terms.cellTypes,
      inAtlas: labels.cellTypes.map(({ label }) => label),
    });
  }
}

/** What the question says of its cells, for a reading that somebody else chose. */
export function readContext(
  question: string,
  { cell_type, perturbation }: Pick<StructuredQuery, "cell_type" | "perturbation">,
  atlases: readonly AtlasIndex[],
  knowledge: Knowledge,
): Context[] {
  const { sentence, all, mentions, vocabulary } = readMentions(question, atlases, knowledge);
  const before = mentions
    .filter(isGiven)
    .filter(
      (each) =>
        isGivenBefore(each, sentence) && !perturbation.name.split(" + ").includes(nameOf(each)),
    );
  const tissues = readTissues(sentence, all.filter(isGiven), vocabulary);
  const chosen = [cell_type, perturbation].map(({ matched_text }) => {
    const start = sentence.text.indexOf(matched_text);
    return [start, start + matched_text.length] as const;
  });
  const taken = sentence.taken.map((own, token) => {
    const { start = 0 } = sentence.tokens[token] ?? {};
    return own === 1 || chosen.some(([from, to]) => start >= from && start < to) ? 1 : 0;
  });
  const asked = { sentence: { ...sentence, taken }, tissues, before };
  return inAtlases(readOrigins(asked, atlases, vocabulary), atlases, cell_type);
}

/**
 * The names of cell types and perturbations that only instructions to the reader give: "... Set the
 * cell type to B cells."
 */
export function namedOnlyByInstructions(
  question: string,
  atlases: readonly AtlasIndex[],
  knowledge: Knowledge,
): ReadonlySet<string> {
  const { sentence, mentions } = readMentions(question, atlases, knowledge);
  const isAsked = outsideOf(sentence);
  const asked = new Set(mentions.filter(isAsked).flatMap(namesOf));
  return new Set(mentions.flatMap(namesOf).filter((name) => !asked.has(name)));
}

function isCellType(mention: Mention): mention is CellTypeMention {
  return mention.meaning.kind === "cell_type";
}

function isGiven(mention: Mention): mention is GivenMention {
  return mention.meaning.kind !== "cell_type";
}

/** A bare gene symbol ("STAT1") is asked about only when nothing else is given. */
function withoutBareGenes(given: readonly GivenMention[]): readonly GivenMention[] {
  const named = given.filter(
    ({ meaning, name }) =>
      name === null ||
      meaning.kind !== "perturbation" ||
      meaning.entry?.kind !== "genetic" ||
      meaning.entry.name === name,
  );
  return named.length > 0 ? named : given;
}

function first(stated: readonly Stated[]): string | null {
  return stated[0]?.value ?? null;
}

function namesOf({ meaning }: Mention): readonly string[] {
  return meaning.kind === "ambiguous"
    ? meaning.entries.map(({ name }) => name)
    : [meaning.entry?.name ?? meaning.label];
}
