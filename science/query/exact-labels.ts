import { HaystackError, type ErrorCode } from "../../errors.ts";
import type { AtlasIndex } from "../atlas/atlas-index.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { amountsTaken } from "./ambiguities.ts";
import { collectAtlasLabels, type AtlasLabels } from "./atlas-labels.ts";
import { listed, quotable } from "./question-error.ts";
import { expectations } from "./read-perturbation.ts";
import type { StructuredQuery } from "./structured-query.ts";

/** What a question asks, by labels as the atlases write them. */
export interface ExactLabels {
  readonly cell_type: string;
  readonly perturbation: string;
}

/**
 * The question for exactly these labels: nothing is understood, nothing repaired. Errors:
 * CELL_TYPE_NOT_IN_ATLAS, PERTURBATION_UNKNOWN where no atlas has the label.
 */
export function queryOfLabels(
  asked: ExactLabels,
  atlases: readonly AtlasIndex[],
  knowledge: Knowledge,
): StructuredQuery {
  const labels = collectAtlasLabels(atlases, knowledge);
  const perturbation = perturbationOf(asked.perturbation, labels, knowledge);
  return {
    task_type: "perturbational",
    cell_type: cellTypeOf(asked.cell_type, labels, knowledge),
    ...perturbation,
    dose: null,
    time: null,
    tissue: null,
    donor: null,
    literature_context: [],
    ambiguities: amountsTaken(perturbation.perturbation, { dose: null, time: null }, atlases),
    control_strategy_fallback: null,
    understood_by: "labels",
  };
}

function cellTypeOf(
  label: string,
  { cellTypes }: AtlasLabels,
  knowledge: Knowledge,
): StructuredQuery["cell_type"] {
  const held = holding("CELL_TYPE_NOT_IN_ATLAS", "cell type", label, cellTypes);
  const entry = held.line ? undefined : knowledge.cellTypes.find(({ id }) => id === held.id);
  return {
    name: entry?.name ?? label,
    cell_ontology_id: held.line ? null : held.id,
    synonyms: entry?.synonyms ?? [],
    matched_text: label,
    match: "atlas_label",
    atlas_labels: [label],
  };
}

function perturbationOf(
  label: string,
  { perturbations }: AtlasLabels,
  knowledge: Knowledge,
): Pick<StructuredQuery, "perturbation" | "expected_targets" | "expected_pathways"> {
  const { id, genetic } = holding("PERTURBATION_UNKNOWN", "perturbation", label, perturbations);
  const entry = knowledge.perturbations.find((known) => known.id === id) ?? null;
  const meaning = { kind: "perturbation" as const, entry, label, genetic };
  return {
    perturbation: {
      id,
      name: entry?.name ?? label,
      kind: entry?.kind ?? (genetic === null ? "unknown" : "genetic"),
      external_ids: entry?.external_ids ?? (genetic === null ? {} : { hgnc: genetic.gene }),
      matched_text: label,
      match: "atlas_label",
      atlas_labels: [label],
      targets: entry?.targets.map(({ gene }) => gene) ?? (genetic === null ? [] : [genetic.gene]),
    },
    ...expectations({ meaning }, entry, knowledge),
  };
}

function holding<Held extends { readonly label: string }>(
  code: ErrorCode,
  what: string,
  label: string,
  held: readonly Held[],
): Held {
  const found = held.find((known) => known.label === label);
  if (found !== undefined) return found;
  const labels = held.map((known) => known.label);
  const holds = labels.length === 0 ? "no atlas is imported" : `there are ${listed(labels)}`;
  throw new HaystackError(
    code,
    `No atlas has a ${what} with the label "${quotable(label)}"; write one exactly as an atlas does (${holds}).`,
    { details: { in_atlas: labels.slice(0, 50) } },
  );
}
