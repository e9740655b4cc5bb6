import { HaystackError } from "../../errors.ts";
import type { AtlasIndex } from "../atlas/atlas-index.ts";
import type { CellTypeEntry, Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";
import { loadKnowledge } from "../knowledge/load.ts";
import { cellTypeMatch, findCellType, perturbationMatch } from "../knowledge/resolve.ts";
import { ancestors } from "../knowledge/ontology.ts";
import { tokenise } from "../knowledge/tokens.ts";
import { readAmounts } from "./amounts.ts";
import { cellTypeLabels, collectAtlasLabels, perturbationLabels } from "./atlas-labels.ts";
import type { AtlasLabels } from "./atlas-labels.ts";
import { chooseAsked, chooseGiven, withoutNegated } from "./choose-mention.ts";
import { findGeneticMentions } from "./genetic-mentions.ts";
import { findMentions } from "./mentions.ts";
import type { Mention, Sentence } from "./mentions.ts";
import { listed, quotable, throwUnknown, unknownCells, unknownGiven } from "./question-error.ts";
import { readDonor, readTissue } from "./sample-words.ts";
import type { StructuredQuery } from "./structured-query.ts";
import { questionTerms } from "./question-terms.ts";
import { loadVocabulary } from "./vocabulary.ts";

const LONGEST_QUESTION = 4000;

type Ambiguity = StructuredQuery["ambiguities"][number];

/**
 * Reads a free question by rules: which cell type, which perturbation, dose, time, tissue, donor, and what the curated
 * knowledge expects to happen. Pure. The question is only searched for names; nothing in it is followed.
 * Errors: QUESTION_EMPTY, QUESTION_TOO_LONG (over 4,000 characters), QUESTION_NOT_UNDERSTOOD, CELL_TYPE_UNKNOWN,
 * PERTURBATION_UNKNOWN, CELL_TYPE_NOT_IN_ATLAS.
 */
export function understandQuestion(question: string, atlases: readonly AtlasIndex[]): StructuredQuery {
  const text = checkedText(question);
  const knowledge = loadKnowledge();
  const vocabulary = loadVocabulary();
  const labels = collectAtlasLabels(atlases, knowledge);
  const terms = questionTerms(knowledge, vocabulary, labels);

  const amounts = readAmounts(text);
  const sentence = sentenceOf(text, amounts.spans);
  const atlasGenes = new Set(atlases.flatMap(({ genes }) => genes));
  const all = [...findGeneticMentions(sentence, knowledge, atlasGenes, vocabulary), ...findMentions(sentence, terms, vocabulary)].toSorted((a, b) => a.from - b.from);
  const mentions = withoutNegated(all, sentence, vocabulary);
  const cells = mentions.filter(({ meaning }) => meaning.kind === "cell_type");
  const given = withoutBareGenes(mentions.filter(({ meaning }) => meaning.kind !== "cell_type"));

  const asked = chooseAsked(cells, vocabulary);
  const chosen = chooseGiven(given, sentence, vocabulary);
  if (asked === undefined || chosen === undefined) throwMissing();

  const tissue = readTissue(sentence, all.filter(({ meaning }) => meaning.kind !== "cell_type"), vocabulary);
  const cell = readCellType(asked, sentence, tissue, knowledge, labels);
  const perturbation = readPerturbation(chosen, sentence, labels);
  return {
    task_type: "perturbational",
    cell_type: cell.value,
    perturbation: perturbation.value,
    ...expectations(chosen, perturbation.entry, knowledge),
    dose: amounts.dose,
    time: amounts.time,
    tissue,
    donor: readDonor(text, labels.donors),
    ambiguities: [
      ...perturbation.ambiguities,
      ...others("cell_type", cell.value.name, asked, cells, sentence),
      ...others("perturbation", perturbation.value.name, chosen, given, sentence),
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
      if (unknown !== null) throwUnknown("PERTURBATION_UNKNOWN", "perturbation", unknown, terms.perturbations, labels.perturbations.map(({ label }) => label));
      throw new HaystackError("QUESTION_NOT_UNDERSTOOD", "The question asks about no perturbation; say what the cells are given, for example: respond to IFN-beta.", {
        details: { question: quotable(text) },
      });
    }
    throwUnknown("CELL_TYPE_UNKNOWN", "cell type", unknownCells(sentence, vocabulary), terms.cellTypes, labels.cellTypes.map(({ label }) => label));
  }
}

function checkedText(question: string): string {
  if (question.length > LONGEST_QUESTION) {
    throw new HaystackError("QUESTION_TOO_LONG", `The question has ${question.length} characters; ask in at most ${LONGEST_QUESTION}.`);
  }
  const text = question.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, " ");
  if (text.trim() === "") throw new HaystackError("QUESTION_EMPTY", "The question is empty; ask how a cell type responds to a perturbation.");
  return text;
}

function sentenceOf(text: string, spans: readonly (readonly [number, number])[]): Sentence {
  const tokens = tokenise(text);
  const taken = Uint8Array.from(tokens, ({ start, end }) => (spans.some(([from, to]) => start < to && end > from) ? 1 : 0));
  return { text, tokens, taken };
}

/** A bare gene symbol ("STAT1") is asked about only when nothing else is given. */
function withoutBareGenes(given: readonly Mention[]): readonly Mention[] {
  const others = given.filter(({ meaning, name }) => name === null || meaning.kind !== "perturbation" || meaning.entry?.kind !== "genetic" || meaning.entry.name === name);
  return others.length > 0 ? others : given;
}

function readCellType(asked: Mention, sentence: Sentence, tissue: string | null, knowledge: Knowledge, labels: AtlasLabels): { value: StructuredQuery["cell_type"] } {
  const { meaning } = asked;
  if (meaning.kind !== "cell_type") throw new HaystackError("INTERNAL", "A mention of no cell type was taken for one.");
  const entry = meaning.entry === null ? null : ofTissue(meaning.entry, tissue, knowledge);
  const matched_text = wordsOf(asked, sentence);
  const name = entry?.name ?? meaning.label;
  const atlas_labels = cellTypeLabels(labels, knowledge, entry, matched_text);
  if (atlas_labels.length === 0) {
    const holds = labels.cellTypes.length === 0 ? "no atlas is imported" : `the atlas holds ${listed(labels.cellTypes.map(({ label }) => label))}`;
    throw new HaystackError("CELL_TYPE_NOT_IN_ATLAS", `No atlas has cells of the type "${name}"; ask about another or import an atlas with them (${holds}).`, {
      details: { cell_type: name, cell_ontology_id: entry?.id ?? null, in_atlas: labels.cellTypes.map(({ label }) => label).slice(0, 50) },
    });
  }
  return { value: { name, cell_ontology_id: entry?.id ?? null, matched_text, match: cellMatch(asked, entry), atlas_labels } };
}

/** "Fibroblasts from lung" are lung fibroblasts where the knowledge has such an entry. */
function ofTissue(entry: CellTypeEntry, tissue: string | null, knowledge: Knowledge): CellTypeEntry {
  if (tissue === null) return entry;
  const narrower = findCellType(`${tissue} ${entry.name}`, knowledge);
  return narrower !== null && ancestors(knowledge, narrower.entry.id).has(entry.id) ? narrower.entry : entry;
}

function cellMatch({ meaning, name, misspelt }: Mention, entry: CellTypeEntry | null): StructuredQuery["cell_type"]["match"] {
  if (meaning.kind !== "cell_type" || meaning.entry === null || name === null || entry === null) return "atlas_label";
  if (misspelt) return "spelling";
  return entry === meaning.entry && cellTypeMatch({ text: name, meaning: meaning.entry }) === "exact" ? "exact" : "synonym";
}

function readPerturbation(
  chosen: Mention,
  sentence: Sentence,
  labels: AtlasLabels,
): { value: StructuredQuery["perturbation"]; entry: PerturbationEntry | null; ambiguities: Ambiguity[] } {
  const { meaning, name, misspelt } = chosen;
  const matched_text = wordsOf(chosen, sentence);
  if (meaning.kind === "cell_type") throw new HaystackError("INTERNAL", "A cell type was taken for a perturbation.");
  const ambiguities: Ambiguity[] = [];
  let entry: PerturbationEntry | null;
  if (meaning.kind === "ambiguous") {
    entry = meaning.entries.find(({ id, name: known }) => perturbationLabels(labels, id, null, known).length > 0) ?? meaning.entries[0] ?? null;
    const alternatives = meaning.entries.filter((other) => other !== entry).map((other) => other.name);
    if (alternatives.length > 0) ambiguities.push({ field: "perturbation", text: matched_text, chosen: entry?.name ?? matched_text, alternatives });
  } else entry = meaning.entry;
  const genetic = meaning.kind === "perturbation" ? meaning.genetic : null;
  const fallbackMatch = genetic === null ? "atlas_label" : "exact";
  const match = misspelt ? "spelling" : meaning.kind === "ambiguous" ? "synonym" : entry === null ? fallbackMatch : matchOf(entry, name);
  return {
    entry,
    ambiguities,
    value: {
      id: entry?.id ?? null,
      name: entry?.name ?? meaning.label,
      kind: entry?.kind ?? (genetic === null ? "unknown" : "genetic"),
      external_ids: entry?.external_ids ?? (genetic === null ? {} : { hgnc: genetic.gene }),
      matched_text,
      match,
      atlas_labels: perturbationLabels(labels, entry?.id ?? null, genetic, entry?.name ?? meaning.label),
      targets: entry?.targets.map(({ gene }) => gene) ?? (genetic === null ? [] : [genetic.gene]),
    },
  };
}

function matchOf(entry: PerturbationEntry, name: string | null): "exact" | "synonym" {
  return name === null || perturbationMatch({ text: name, meaning: entry }) === "exact" ? "exact" : "synonym";
}

function expectations(
  { meaning }: Mention,
  entry: PerturbationEntry | null,
  knowledge: Knowledge,
): Pick<StructuredQuery, "expected_targets" | "expected_pathways"> {
  if (entry === null) {
    const genetic = meaning.kind === "perturbation" ? meaning.genetic : null;
    return {
      expected_targets: genetic === null ? [] : [{ gene: genetic.gene, direction: genetic.effect === "loss" ? "down" : "up", source: "the perturbed gene itself" }],
      expected_pathways: [],
    };
  }
  return {
    expected_targets: entry.response.map(({ gene, direction }) => ({ gene, direction, source: entry.source })),
    expected_pathways: entry.pathways.map(({ id, direction }) => {
      const pathway = knowledge.pathways.find((known) => known.id === id);
      return { id, direction, name: pathway?.name ?? id, source: pathway?.source ?? entry.source };
    }),
  };
}

/** The further mentions, as what else the question could have asked about. */
function others(field: Ambiguity["field"], chosenName: string, chosen: Mention, mentions: readonly Mention[], sentence: Sentence): Ambiguity[] {
  const name = ({ meaning }: Mention): string => (meaning.kind === "ambiguous" ? meaning.label : (meaning.entry?.name ?? meaning.label));
  const alternatives = [...new Set(mentions.filter((mention) => mention !== chosen).map(name))].filter((other) => other !== chosenName && other !== name(chosen));
  if (alternatives.length === 0) return [];
  return [{ field, text: mentions.map((mention) => wordsOf(mention, sentence)).join(", "), chosen: chosenName, alternatives }];
}

function wordsOf({ from, to }: Mention, { text, tokens }: Sentence): string {
  return text.slice(tokens[from]?.start, tokens[to - 1]?.end);
}
