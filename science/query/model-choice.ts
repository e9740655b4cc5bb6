import type { CellTypeEntry, Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";
import { ancestors, descendants } from "../knowledge/ontology.ts";
import { findCellType, findGeneticEntry, findPerturbation } from "../knowledge/resolve.ts";
import { labelKey, tokenise } from "../knowledge/tokens.ts";
import { cellTypeLabels, collectAtlasLabels, perturbationLabels } from "./atlas-labels.ts";
import type { AtlasLabels } from "./atlas-labels.ts";
import { alternatives, broaderThanAsked, sampleAmbiguities } from "./model-choice-ambiguities.ts";
import {
  checkEvidence,
  geneExists,
  numbersOf,
  quotableReason,
  reject,
  Rejected,
  wordsOf,
} from "./model-choice-checks.ts";
import type { ChoiceContext, Understood } from "./model-choice-schema.ts";
import { quotable } from "./question-error.ts";
import { expectations } from "./read-perturbation.ts";
import type { ExpectedPathway, ExpectedTarget, StructuredQuery } from "./structured-query.ts";
import { namedOnlyByInstructions, readContext } from "./understand.ts";

const MOST_EXPECTED = 20;

/**
 * The structured query that a model's choice means, or what in it does not exist. The model's own
 * expectations count only where the knowledge has none.
 */
export function readModelChoice(
  choice: Understood,
  context: ChoiceContext,
): { readonly structured_query: StructuredQuery } | { readonly problem: string } {
  try {
    return { structured_query: understoodQuery(choice, context) };
  } catch (thrown) {
    if (thrown instanceof Rejected) return { problem: thrown.message };
    throw thrown;
  }
}

function understoodQuery(choice: Understood, given: ChoiceContext): StructuredQuery {
  const { knowledge, atlases, draft, question } = given;
  const context = { ...given, instructed: namedOnlyByInstructions(question, atlases, knowledge) };
  const labels = collectAtlasLabels(atlases, knowledge);
  const cell_type = cellTypeOf(choice.cell_type, labels, context);
  const { perturbation, ...known } = perturbationOf(choice.perturbation, labels, context);
  const own = ownExpectations(choice, context);
  return {
    task_type: "perturbational",
    cell_type,
    perturbation,
    expected_targets: known.expected_targets.length > 0 ? known.expected_targets : own.targets,
    expected_pathways: known.expected_pathways.length > 0 ? known.expected_pathways : own.pathways,
    dose: numbersOf("dose", choice.dose, context),
    time: numbersOf("time", choice.time, context),
    tissue:
      choice.tissue === null || choice.tissue === draft?.tissue
        ? choice.tissue
        : wordsOf("tissue", choice.tissue, context),
    donor:
      choice.donor === null || labels.donors.includes(choice.donor)
        ? choice.donor
        : reject(`donor: no atlas has a donor ${quotable(choice.donor)}.`),
    literature_context: [],
    context: readContext(question, { cell_type, perturbation }, atlases, knowledge),
    ambiguities: [
      ...sampleAmbiguities(choice, draft),
      ...broaderThanAsked(draft, { cell_type, perturbation }),
      ...alternatives(
        {
          field: "cell_type",
          chosen: cell_type,
          drafted: draft?.cell_type.name,
          ids: choice.other_cell_types,
        },
        (id) => knowledge.cellTypes.find((entry) => entry.id === id)?.name,
      ),
      ...alternatives(
        {
          field: "perturbation",
          chosen: perturbation,
          drafted: draft?.perturbation.name,
          ids: choice.other_perturbations,
        },
        (id) => knowledge.perturbations.find((entry) => entry.id === id)?.name,
      ),
    ],
    control_strategy_fallback: null,
    understood_by: "language_model",
  };
}

interface Instructed extends ChoiceContext {
  /** What only instructions in the question name. */
  readonly instructed: ReadonlySet<string>;
}

function cellTypeOf(
  { cell_ontology_id: id, atlas_label: label, matched_text }: Understood["cell_type"],
  labels: AtlasLabels,
  context: Instructed,
): StructuredQuery["cell_type"] {
  const { knowledge, draft } = context;
  const text = wordsOf("cell_type.matched_text", matched_text, context);
  const held = labels.cellTypes.find((known) => known.label === label);
  if (label !== null && held === undefined)
    reject(`cell_type.atlas_label: no atlas has a cell type labelled ${quotable(label)}.`);
  const entryId = id ?? held?.id ?? null;
  const entry = knowledge.cellTypes.find((known) => known.id === entryId) ?? null;
  if (id !== null && entry === null)
    reject(`cell_type.cell_ontology_id: there is no cell type ${quotable(id)}.`);
  if (entry === null && label === null)
    reject("cell_type: give a cell_ontology_id or an atlas_label.");
  const meant = findCellType(text, knowledge);
  if (meant !== null && entry !== null && !isSameLineage(meant.entry, entry, knowledge))
    reject(`cell_type: ${quotable(text)} means ${meant.entry.name}, not ${entry.name}.`);
  const drafted = knowledge.cellTypes.find(
    ({ id: other }) => other === draft?.cell_type.cell_ontology_id,
  );
  const refines =
    entry !== null && drafted !== undefined && isSameLineage(drafted, entry, knowledge);
  checkEvidence(
    {
      field: "cell_type",
      text,
      means: meant !== null || (label !== null && labelKey(text) === labelKey(label)),
      refines,
      chosen: entry?.name ?? label ?? "",
    },
    context,
  );
  const atlas_labels =
    entry === null ? [label ?? ""] : cellTypeLabels(labels, knowledge, entry, label ?? text);
  if (atlas_labels.length === 0)
    reject(`cell_type: no atlas has cells of the type ${entry?.name ?? ""}.`);
  if (label !== null && !atlas_labels.includes(label))
    reject(`cell_type: the label ${quotable(label)} is not of the type ${entry?.name ?? ""}.`);
  const asDraft = draft !== null && entry !== null && draft.cell_type.cell_ontology_id === entry.id;
  const found = meant === null || meant.match === "cell_line" ? "synonym" : meant.match;
  const ofEntry = asDraft ? draft.cell_type.match : found;
  return {
    name: entry?.name ?? label ?? "",
    cell_ontology_id: entry?.id ?? null,
    synonyms: entry?.synonyms ?? [],
    matched_text: text,
    match: entry === null ? "atlas_label" : ofEntry,
    atlas_labels,
  };
}

function isSameLineage(a: CellTypeEntry, b: CellTypeEntry, knowledge: Knowledge): boolean {
  return (
    a.id === b.id || ancestors(knowledge, a.id).has(b.id) || descendants(knowledge, a.id).has(b.id)
  );
}

function perturbationOf(
  { id, atlas_label: label, gene, matched_text }: Understood["perturbation"],
  labels: AtlasLabels,
  context: Instructed,
): Pick<StructuredQuery, "perturbation" | "expected_targets" | "expected_pathways"> {
  const { knowledge, draft } = context;
  const text = wordsOf("perturbation.matched_text", matched_text, context);
  const held = labels.perturbations.find((known) => known.label === label);
  if (label !== null && held === undefined)
    reject(`perturbation.atlas_label: no atlas has a perturbation labelled ${quotable(label)}.`);
  if (gene !== null && !geneExists(gene.symbol, context))
    reject(`perturbation.gene: there is no gene ${quotable(gene.symbol)}.`);
  const genetic = gene === null ? null : { gene: gene.symbol, effect: gene.effect };
  const entry =
    entryOf(id ?? held?.id ?? null, knowledge) ??
    (genetic === null ? null : findGeneticEntry(knowledge, genetic.gene, genetic.effect));
  if (id !== null && entry?.id !== id)
    reject(`perturbation.id: there is no perturbation ${quotable(id)}.`);
  if (held !== undefined && held.id !== null && held.id !== entry?.id)
    reject(
      `perturbation: the label ${quotable(held.label)} is not ${entry?.name ?? "this perturbation"}.`,
    );
  const name =
    entry?.name ??
    (genetic === null
      ? (label ?? reject("perturbation: give an id, an atlas_label or a gene."))
      : `${genetic.gene} ${genetic.effect === "loss" ? "knockout" : "overexpression"}`);
  const meant = findPerturbation(text, knowledge);
  const asDraft = entry !== null && draft !== null && draft.perturbation.id === entry.id;
  if (meant !== null && meant.entry.id !== entry?.id && !asDraft)
    reject(`perturbation: ${quotable(text)} means ${meant.entry.name}, not ${name}.`);
  checkEvidence(
    {
      field: "perturbation",
      text,
      means:
        meant !== null ||
        (label !== null && labelKey(text) === labelKey(label)) ||
        (genetic !== null && tokenise(text).some(({ key }) => key === labelKey(genetic.gene))),
      refines: false,
      chosen: name,
    },
    context,
  );
  const found = meant === null || meant.match === "cell_line" ? "synonym" : meant.match;
  const matchOf = (): StructuredQuery["perturbation"]["match"] => {
    if (entry !== null) return found;
    return genetic === null ? "atlas_label" : "exact";
  };
  return {
    perturbation: {
      id: entry?.id ?? null,
      name,
      kind: entry?.kind ?? (genetic === null ? "unknown" : "genetic"),
      external_ids: entry?.external_ids ?? (genetic === null ? {} : { hgnc: genetic.gene }),
      matched_text: text,
      match: asDraft ? draft.perturbation.match : matchOf(),
      atlas_labels: perturbationLabels(labels, entry?.id ?? null, genetic, name),
      targets:
        entry?.targets.map((target) => target.gene) ?? (genetic === null ? [] : [genetic.gene]),
    },
    ...expectations(
      { meaning: { kind: "perturbation", entry, label: name, genetic } },
      entry,
      knowledge,
    ),
  };
}

const entryOf = (id: string | null, knowledge: Knowledge): PerturbationEntry | null =>
  knowledge.perturbations.find((known) => known.id === id) ?? null;

function ownExpectations(
  { expected_targets, expected_pathways }: Understood,
  context: ChoiceContext,
): { targets: ExpectedTarget[]; pathways: ExpectedPathway[] } {
  const source = (reason: string): string =>
    `language model ${context.model}, not reviewed: ${quotableReason(reason)}`;
  return {
    targets: expected_targets
      .slice(0, MOST_EXPECTED)
      .map(({ gene, direction, reason }) =>
        geneExists(gene, context)
          ? { gene, direction, source: source(reason) }
          : reject(`expected_targets: there is no gene ${quotable(gene)}.`),
      ),
    pathways: expected_pathways.slice(0, MOST_EXPECTED).map(({ id, direction, reason }) => {
      const pathway =
        context.knowledge.pathways.find((known) => known.id === id) ??
        reject(`expected_pathways: there is no pathway ${quotable(id)}.`);
      return { id, name: pathway.name, direction, source: source(reason) };
    }),
  };
}
