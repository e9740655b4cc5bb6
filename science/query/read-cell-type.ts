import { HaystackError } from "../../errors.ts";
import type { CellTypeEntry, Knowledge } from "../knowledge/knowledge.ts";
import { ancestors } from "../knowledge/ontology.ts";
import { cellTypeMatch, findCellType } from "../knowledge/resolve.ts";
import { nearestLabels, cellTypeLabels } from "./atlas-labels.ts";
import type { AtlasLabels } from "./atlas-labels.ts";
import { wordsOf } from "./mention.ts";
import type { CellTypeMention, Sentence } from "./mention.ts";
import { labelsOfMarkers } from "./other-cells.ts";
import { listed } from "./question-error.ts";
import type { StructuredQuery } from "./structured-query.ts";
import { loadVocabulary } from "./vocabulary.ts";

interface AskedCells {
  readonly asked: CellTypeMention;
  readonly sentence: Sentence;
  readonly tissue: string | null;
}

/**
 * The asked cell type and its labels in the atlases. Throws CELL_TYPE_NOT_IN_ATLAS when no atlas
 * has such cells.
 */
export function readCellType(
  { asked, sentence, tissue }: AskedCells,
  knowledge: Knowledge,
  labels: AtlasLabels,
): StructuredQuery["cell_type"] {
  const { meaning } = asked;
  const entry = meaning.entry === null ? null : ofTissue(meaning.entry, tissue, knowledge);
  const matched_text = wordsOf(asked, sentence);
  const name = entry?.name ?? meaning.label;
  const written = meaning.entry === null ? meaning.label : matched_text;
  const atlas_labels = cellTypeLabels(labels, knowledge, entry, written);
  if (atlas_labels.length === 0) {
    const holds =
      labels.cellTypes.length === 0
        ? "no atlas is imported"
        : `the atlas holds ${listed(labels.cellTypes.map(({ label }) => label))}`;
    const marked = labelsOfMarkers(
      matched_text,
      labels.cellTypes.map(({ label }) => label),
      knowledge,
    );
    const near = entry === null ? [] : nearestLabels(labels, knowledge, entry);
    const nearest = marked.length > 0 ? marked : near;
    const advice =
      nearest.length === 0
        ? "ask about another or import an atlas with them"
        : `ask about ${listed(nearest)}, the nearest that it has, or import an atlas with them`;
    throw new HaystackError(
      "CELL_TYPE_NOT_IN_ATLAS",
      `No atlas has cells of the type "${name}"; ${advice} (${holds}).`,
      {
        details: {
          cell_type: name,
          cell_ontology_id: entry?.id ?? null,
          in_atlas: labels.cellTypes.map(({ label }) => label).slice(0, 50),
        },
      },
    );
  }
  return {
    name,
    cell_ontology_id: entry?.id ?? null,
    synonyms: entry?.synonyms ?? [],
    matched_text,
    match: cellMatch(asked, entry),
    atlas_labels,
  };
}

/**
 * "Fibroblasts from lung" are lung fibroblasts, and "acinar cells of the pancreas" pancreatic acinar
 * cells, where the knowledge has such an entry.
 */
function ofTissue(
  entry: CellTypeEntry,
  tissue: string | null,
  knowledge: Knowledge,
): CellTypeEntry {
  const { texts = [] } = loadVocabulary().tissues.find(({ name }) => name === tissue) ?? {};
  for (const text of tissue === null ? [] : [tissue, ...texts]) {
    const narrower = findCellType(`${text} ${entry.name}`, knowledge)?.entry;
    if (narrower !== undefined && ancestors(knowledge, narrower.id).has(entry.id)) return narrower;
  }
  return entry;
}

function cellMatch(
  { meaning, name, misspelt }: CellTypeMention,
  entry: CellTypeEntry | null,
): StructuredQuery["cell_type"]["match"] {
  if (meaning.entry === null || name === null || entry === null) return "atlas_label";
  if (misspelt) return "spelling";
  return entry === meaning.entry &&
    cellTypeMatch({ text: name, meaning: meaning.entry }) === "exact"
    ? "exact"
    : "synonym";
}
