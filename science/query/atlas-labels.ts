import type { AtlasIndex, CellGroup } from "../atlas/atlas-index.ts";
import type { CellTypeEntry, Knowledge } from "../knowledge/knowledge.ts";
import { ancestors, descendants, ontologyDistance } from "../knowledge/ontology.ts";
import { drugOfLabel } from "../knowledge/named-drugs.ts";
import {
  cellOntologyIdIn,
  findCellType,
  findPerturbation,
  geneticReading,
} from "../knowledge/resolve.ts";
import { joined, labelKey, tokenise } from "../knowledge/tokens.ts";
import { given } from "../../given.ts";
import { geneKey, partsOfLabel } from "./parts.ts";
import type { GeneticEffect } from "../knowledge/genetic-words.ts";

/**
 * What the atlases hold under which labels; groups without cells do not count. In order of first
 * appearance.
 */

export interface AtlasLabels {
  /** Label and Cell Ontology id; `line` for labels that name a cell line. */
  readonly cellTypes: readonly {
    readonly label: string;
    readonly id: string | null;
    readonly line: boolean;
  }[];
  readonly perturbations: readonly {
    readonly label: string;
    readonly id: string | null;
    readonly genetic: { gene: string; effect: GeneticEffect } | null;
    /** The label names genes and so no substance, whatever else has its name. */
    readonly namesGenes: boolean;
    /** What is given at once (see partKey), sorted; absent where it is one thing. */
    readonly parts?: readonly string[];
  }[];
  readonly donors: readonly string[];
  /** What other columns of the atlases call their cells. */
  readonly furtherNames: readonly { readonly name: string; readonly labels: readonly string[] }[];
}

export function collectAtlasLabels(
  atlases: readonly AtlasIndex[],
  knowledge: Knowledge,
): AtlasLabels {
  const groups = atlases.flatMap((atlas) => atlas.groups).filter(({ n_cells }) => n_cells > 0);
  const cellTypes = new Map<string, AtlasLabels["cellTypes"][number]>();
  const perturbations = new Map<string, AtlasLabels["perturbations"][number]>();
  for (const group of groups) {
    if (!cellTypes.has(group.cell_type)) {
      const resolved = findCellType(group.cell_type, knowledge);
      const id = group.cell_ontology_id ?? resolved?.entry.id ?? cellOntologyIdIn(group.cell_type);
      cellTypes.set(group.cell_type, {
        label: group.cell_type,
        id,
        line: resolved?.match === "cell_line",
      });
    }
    if (!group.is_control && !perturbations.has(group.perturbation)) {
      perturbations.set(group.perturbation, perturbationMeaning(group, knowledge));
    }
  }
  return {
    cellTypes: [...cellTypes.values()],
    perturbations: [...perturbations.values()],
    donors: [...new Set(groups.map(({ donor }) => donor))],
    furtherNames: collectFurtherNames(atlases, new Set(cellTypes.keys())),
  };
}

function collectFurtherNames(
  atlases: readonly AtlasIndex[],
  held: ReadonlySet<string>,
): AtlasLabels["furtherNames"] {
  const names = atlases.flatMap(({ further_names = [] }) => further_names);
  return [...Map.groupBy(names, ({ name }) => name)].flatMap(([name, same]) => {
    const labels = [...new Set(same.flatMap(({ cell_types }) => cell_types))];
    return labels.every((label) => held.has(label)) ? [{ name, labels }] : [];
  });
}

/** What names genes has no other meaning; a combination of genes has that of none of them. */
function perturbationMeaning(
  { perturbation: label, perturbation_id, genetic }: CellGroup,
  knowledge: Knowledge,
): AtlasLabels["perturbations"][number] {
  if (genetic === undefined) {
    const curated = perturbation_id ?? findPerturbation(label, knowledge)?.entry.id ?? null;
    const parts = curated === null ? partsOfLabel(label, knowledge) : undefined;
    const single = parts === undefined ? geneticReading(label, knowledge) : null;
    const isDrug = curated === null && parts === undefined && single === null;
    const id = isDrug ? (drugOfLabel(label, knowledge)?.id ?? null) : curated;
    return { label, id, genetic: single, namesGenes: false, ...given({ parts }) };
  }
  const [gene, ...more] = genetic.genes;
  const single = gene === undefined || more.length > 0 ? null : { gene, effect: genetic.effect };
  const parts =
    more.length === 0
      ? undefined
      : genetic.genes.map((each) => geneKey(each, genetic.effect)).toSorted();
  return { label, id: perturbation_id, genetic: single, namesGenes: true, ...given({ parts }) };
}

/**
 * The labels that mean `entry` (for a cell line: that line, if the atlas has it); else those of its
 * subtypes.
 */
export function cellTypeLabels(
  labels: AtlasLabels,
  knowledge: Knowledge,
  entry: CellTypeEntry | null,
  writtenAs: string,
): string[] {
  const key = singularKey(writtenAs);
  const sameWords = labels.cellTypes
    .filter(({ label }) => singularKey(label) === key)
    .map(({ label }) => label);
  const named = labels.furtherNames.find(({ name }) => singularKey(name) === key);
  if (sameWords.length === 0 && named !== undefined) return [...named.labels];
  if (
    entry === null ||
    (sameWords.length > 0 &&
      labels.cellTypes.some(({ label, line }) => line && sameWords.includes(label)))
  )
    return sameWords;
  const exact = labels.cellTypes
    .filter(({ id, line }) => id === entry.id && !line)
    .map(({ label }) => label);
  if (exact.length > 0) return exact;
  const below = descendants(knowledge, entry.id);
  return labels.cellTypes
    .filter(({ id, line }) => id !== null && below.has(id) && !line)
    .map(({ label }) => label);
}

const singularKey = (text: string): string => joined(tokenise(text)).singular;

const NEAREST_STEPS = 2;

/**
 * The labels of the types nearest to `entry` in the ontology, within a few steps or above it; none
 * that it has only the root of all cells in common with.
 */
export function nearestLabels(
  labels: AtlasLabels,
  knowledge: Knowledge,
  entry: CellTypeEntry,
): string[] {
  const roots = rootsOf(knowledge);
  const above = (id: string): readonly string[] =>
    [id, ...ancestors(knowledge, id)].filter((each) => !roots.has(each));
  const own = new Set(above(entry.id));
  const near = labels.cellTypes.flatMap(({ label, id, line }) => {
    const steps = ontologyDistance(knowledge, entry.id, id);
    return id === null ||
      line ||
      steps === null ||
      (steps > NEAREST_STEPS && !own.has(id)) ||
      !above(id).some((each) => own.has(each))
      ? []
      : [{ label, steps }];
  });
  const least = Math.min(...near.map(({ steps }) => steps));
  return near.filter(({ steps }) => steps === least).map(({ label }) => label);
}

const rootsOf = ({ cellTypes }: Knowledge): ReadonlySet<string> =>
  new Set(cellTypes.filter(({ parents }) => parents.length === 0).map(({ id }) => id));

/** The labels that mean exactly this perturbation. */
export function perturbationLabels(
  labels: AtlasLabels,
  id: string | null,
  genetic: { gene: string; effect: GeneticEffect } | null,
  name: string,
): string[] {
  const key = labelKey(name);
  return labels.perturbations
    .filter(
      (known) =>
        (id !== null && known.id === id) ||
        (labelKey(known.label) === key && (!known.namesGenes || genetic !== null || id === null)) ||
        ((id === null || known.namesGenes) &&
          genetic !== null &&
          known.genetic?.gene === genetic.gene &&
          known.genetic.effect === genetic.effect),
    )
    .map(({ label }) => label);
}
