import { HaystackError } from "../../errors.ts";
import type { CellTypeEntry, Knowledge } from "../knowledge/knowledge.ts";
import { ancestors } from "../knowledge/ontology.ts";
import { cellTypeMatch, findCellType } from "../knowledge/resolve.ts";
import { nearestLabels, cellTypeLabels } from "./atlas-labels.ts";
import type { AtlasLabels } from "./atlas-labels.ts";
import { wordsOf } from "./mention.ts";
import type { CellTypeMention, Sentence } from "./mention.ts";
import { listed } from "./question-error.ts";
import {
  labelsOfMarkers,
  markersOfLabel,
  signedMarkers,
  withoutMarkers,
} from "./signed-markers.ts";
import type { Marker } from "./signed-markers.ts";
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
  const subset =
    atlas_labels.length > 0 || entry === null ? null : toldApart(entry, labels, knowledge);
  if (subset !== null)
    return {
      name: subset.entry?.name ?? subset.label,
      cell_ontology_id: subset.entry?.id ?? null,
      synonyms: subset.entry?.synonyms ?? [],
      matched_text,
      match: "atlas_label",
      atlas_labels: [subset.label],
    };
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

/**
 * The label that stands for a type by its markers: of an atlas with CD14+ and FCGR3A+ monocytes the
 * former for classical monocytes, which are CD14+ and CD16-. Null where several do, or none.
 */
function toldApart(
  asked: CellTypeEntry,
  { cellTypes }: AtlasLabels,
  knowledge: Knowledge,
): { readonly label: string; readonly entry: CellTypeEntry | undefined } | null {
  const subsets = [
    asked,
    ...knowledge.cellTypes.filter(({ parents }) => parents.includes(asked.id)),
  ];
  const found = cellTypes.filter(({ label, id, line }) => {
    if (id === null || line) return false;
    const own = markersOfLabel(label, knowledge);
    const beside = cellTypes
      .filter(
        (other) => withoutMarkers(other.label, knowledge) === withoutMarkers(label, knowledge),
      )
      .flatMap((other) => markersOfLabel(other.label, knowledge));
    const has = (markers: readonly Marker[], gene: string): boolean =>
      markers.some((each) => each.gene === gene && each.isThere);
    return subsets.some(({ name, parents }) => {
      const marks = signedMarkers(name, knowledge);
      return (
        parents.includes(id) &&
        marks.some(({ isThere }) => !isThere) &&
        marks.every(({ gene, isThere }) =>
          isThere ? has(own, gene) : has(beside, gene) && !has(own, gene),
        )
      );
    });
  });
  const [only] = found;
  if (only === undefined || found.length > 1) return null;
  return { label: only.label, entry: knowledge.cellTypes.find(({ id }) => id === only.id) };
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
