import { HaystackError } from "../../errors.ts";
import type { AtlasIndex } from "../atlas/atlas-index.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { loadKnowledge } from "../knowledge/load.ts";
import { labelKey, tokenise } from "../knowledge/tokens.ts";
import { readAmounts } from "./amounts.ts";
import type { Stated } from "./amounts.ts";
import { collectAtlasLabels } from "./atlas-labels.ts";
import { readBlockades } from "./blockade.ts";
import { chooseAsked, chooseGiven, withoutNegated } from "./choose-mention.ts";
import { findGeneticMentions } from "./genetic-mentions.ts";
import { instructions, outsideOf, withoutInstructed } from "./instructions.ts";
import { findMentions, wordsOf } from "./mentions.ts";
import type { CellTypeMention, GivenMention, Mention, Sentence } from "./mentions.ts";
import { quotable, throwUnknown, unknownCells, unknownGiven } from "./question-error.ts";
import { questionTerms } from "./question-terms.ts";
import { readCellType } from "./read-cell-type.ts";
import { expectations, readPerturbation } from "./read-perturbation.ts";
import { readDonors, readTissues } from "./sample-words.ts";
import { amountsOf, nearestAmount } from "./nearest-amount.ts";
import { questionText } from "./question-text.ts";
import type { StructuredQuery } from "./structured-query.ts";
import { loadVocabulary } from "./vocabulary.ts";

type Ambiguity = StructuredQuery["ambiguities"][number];

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
  const { text, vocabulary, labels, terms, amounts, sentence, all, mentions } = readMentions(
    question,
    atlases,
    knowledge,
  );
  const cells = withoutInstructed(mentions.filter(isCellType), sentence);
  const given = withoutBareGenes(withoutInstructed(mentions.filter(isGiven), sentence));

  const asked = chooseAsked(cells, vocabulary);
  const chosen = chooseGiven(given, sentence, vocabulary);
  if (asked === undefined || chosen === undefined) throwMissing();

  const tissues = readTissues(sentence, all.filter(isGiven), vocabulary);
  const donors = readDonors(text, labels.donors, sentence.instructed);
  const tissue = first(tissues);
  const cell_type = readCellType({ asked, sentence, tissue }, knowledge, labels);
  const { perturbation, entry, genetic, ambiguities } = readPerturbation(
    chosen,
    sentence,
    labels,
    knowledge,
  );
  return {
    task_type: "perturbational",
    cell_type,
    perturbation,
    ...expectations(genetic, entry, knowledge),
    dose: first(amounts.doses),
    time: first(amounts.times),
    tissue,
    donor: first(donors),
    literature_context: [],
    ambiguities: [
      ...ambiguities,
      ...amountsTaken(
        perturbation,
        { dose: first(amounts.doses), time: first(amounts.times) },
        atlases,
      ),
      ...lineageForLine(asked, cell_type),
      ...others({ field: "cell_type", chosenName: cell_type.name, chosen: asked }, cells, sentence),
      ...others({ field: "perturbation", chosenName: perturbation.name, chosen }, given, sentence),
      ...otherStated("dose", amounts.doses),
      ...otherStated("time", amounts.times),
      ...otherStated("tissue", tissues),
      ...otherStated("donor", donors),
    ],
    control_strategy_fallback: null,
    understood_by: "rules",
  };

  function throwMissing(): never {
    if (asked === undefined && chosen === undefined) {
      throw new HaystackError(
        "QUESTION_NOT_UNDERSTOOD",
        `The question names no known cell type and no known perturbation; ask, for example: How would CD14+ monocytes respond to IFN-beta?`,
        { details: { question: quotable(text) } },
      );
    }
    if (chosen === undefined) {
      const unknown = unknownGiven(sentence, vocabulary);
      if (unknown !== null)
        throwUnknown("PERTURBATION_UNKNOWN", "perturbation", unknown, {
          terms: terms.perturbations,
          inAtlas: labels.perturbations.map(({ label }) => label),
        });
      throw new HaystackError(
        "QUESTION_NOT_UNDERSTOOD",
        "The question names no perturbation; say what the cells are treated with, for example: respond to IFN-beta.",
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

function readMentions(question: string, atlases: readonly AtlasIndex[], knowledge: Knowledge) {
  const lines = questionText(question);
  const text = lines.replaceAll("\n", " ");
  const vocabulary = loadVocabulary();
  const labels = collectAtlasLabels(atlases, knowledge);
  const terms = questionTerms(knowledge, vocabulary, labels);
  const instructed = instructions(lines);
  const amounts = readAmounts(text, instructed);
  const sentence = { ...sentenceOf(text, amounts.spans), instructed };
  const atlasGenes = new Set(
    atlases.flatMap(({ genes, groups }) => [
      ...genes,
      ...groups.flatMap(({ genetic }) => genetic?.genes ?? []),
    ]),
  );
  const all = [
    ...findGeneticMentions(sentence, knowledge, { atlasGenes, vocabulary, terms }),
    ...findMentions(sentence, terms, vocabulary),
  ].toSorted((a, b) => a.from - b.from);
  const mentions = readBlockades(
    withoutNegated(all, sentence, vocabulary),
    sentence,
    knowledge,
    vocabulary,
  );
  return { text, vocabulary, labels, terms, amounts, sentence, all, mentions };
}

function isCellType(mention: Mention): mention is CellTypeMention {
  return mention.meaning.kind === "cell_type";
}

function isGiven(mention: Mention): mention is GivenMention {
  return mention.meaning.kind !== "cell_type";
}

function sentenceOf(
  text: string,
  spans: readonly (readonly [number, number])[],
): Omit<Sentence, "instructed"> {
  const tokens = tokenise(text);
  const taken = Uint8Array.from(tokens, ({ start, end }) =>
    spans.some(([from, to]) => start < to && end > from) ? 1 : 0,
  );
  return { text, tokens, taken };
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

/** Says that the primary cells of its lineage stand for a cell line that no atlas has. */
function lineageForLine(
  { meaning, name }: CellTypeMention,
  { name: chosen, matched_text: text, atlas_labels }: StructuredQuery["cell_type"],
): Ambiguity[] {
  if (name === null || meaning.entry?.cell_lines.includes(name) !== true) return [];
  if (atlas_labels.some((label) => labelKey(label) === labelKey(name))) return [];
  return [{ field: "cell_type", text, chosen, alternatives: [`cell line ${name}`] }];
}

interface ChosenMention {
  readonly field: Ambiguity["field"];
  readonly chosenName: string;
  readonly chosen: Mention;
}

/** The further mentions, as what else the question could have asked about. */
function others(
  { field, chosenName, chosen }: ChosenMention,
  mentions: readonly Mention[],
  sentence: Sentence,
): Ambiguity[] {
  const alternatives = [
    ...new Set(mentions.filter((mention) => mention !== chosen).map(nameOf)),
  ].filter((other) => other !== chosenName && other !== nameOf(chosen));
  if (alternatives.length === 0) return [];
  return [
    {
      field,
      text: mentions.map((mention) => wordsOf(mention, sentence)).join(", "),
      chosen: chosenName,
      alternatives,
    },
  ];
}

/** Says which dose and time of the atlas answer the question, or that they are pooled. */
function amountsTaken(
  { atlas_labels, matched_text }: StructuredQuery["perturbation"],
  asked: { readonly dose: string | null; readonly time: string | null },
  atlases: readonly AtlasIndex[],
): Ambiguity[] {
  const groups = atlases
    .flatMap((atlas) => atlas.groups)
    .filter(({ is_control, perturbation }) => !is_control && atlas_labels.includes(perturbation));
  return (["dose", "time"] as const).flatMap((field): Ambiguity[] => {
    const given = amountsOf(groups, field);
    const wanted = asked[field];
    if (given.length < 2 && (wanted === null || given.length === 0 || given.includes(wanted)))
      return [];
    const nearest = wanted === null ? null : nearestAmount(wanted, given);
    if (nearest !== null && nearest === wanted) return [];
    return [
      {
        field,
        text: wanted ?? matched_text,
        chosen: nearest ?? `all pooled (${given.join(", ")})`,
        alternatives: given.filter((amount) => amount !== nearest),
      },
    ];
  });
}

function first(stated: readonly Stated[]): string | null {
  return stated[0]?.value ?? null;
}

function otherStated(field: Ambiguity["field"], [chosen, ...rest]: readonly Stated[]): Ambiguity[] {
  if (chosen === undefined || rest.length === 0) return [];
  return [
    {
      field,
      text: [...new Set([chosen, ...rest].map(({ text }) => text))].join(", "),
      chosen: chosen.value,
      alternatives: rest.map(({ value }) => value),
    },
  ];
}

function namesOf({ meaning }: Mention): readonly string[] {
  return meaning.kind === "ambiguous"
    ? meaning.entries.map(({ name }) => name)
    : [meaning.entry?.name ?? meaning.label];
}

function nameOf({ meaning }: Mention): string {
  return meaning.kind === "ambiguous" ? meaning.label : (meaning.entry?.name ?? meaning.label);
}
