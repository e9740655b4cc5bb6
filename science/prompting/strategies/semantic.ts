import type { CellGroup } from "../../atlas/atlas-index.ts";
import type { Knowledge, PerturbationEntry } from "../../knowledge/knowledge.ts";
import { geneticReading } from "../../knowledge/resolve.ts";
import { geneEffects } from "../../query/gene-effects.ts";
import type { StructuredQuery } from "../../query/structured-query.ts";
import { balanceOf, mechanismAsked, mechanismOf, sharedBy } from "../mechanism.ts";
import { isAskedCellType, isAskedPerturbation } from "../retrieval.ts";
import type { Proposal, RetrievalStrategy } from "../retrieval.ts";

/** Words that say how, not what: they would make every knockout look like every other. */
const EMPTY_WORDS =
  /\b(knock-?out|knock-?down|ko|crispri?|treated|treatment|with|stimulated|stimulation|inhibitor|recombinant|human|cells?|h|hours?)\b/gu;
const MIN_LIKENESS = 0.4;
const MATCH_SCALE = 0.6;
/** Where both perturbations are curated their mechanisms tell more than their names. */
const BOTH_CURATED = 0.25;
const OTHER_CELL_TYPE = 0.7;

function bigrams(text: string): Set<string> {
  const plain = text
    .toLowerCase()
    .replaceAll(EMPTY_WORDS, " ")
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  const padded = ` ${plain} `;
  return plain === ""
    ? new Set()
    : new Set(Array.from({ length: padded.length - 1 }, (_, i) => padded.slice(i, i + 2)));
}

/**
 * Dice coefficient of the letter pairs of two labels, 0 to 1, whatever their case and punctuation.
 */
export function lexicalLikeness(x: string, y: string): number {
  const a = bigrams(x);
  const b = bigrams(y);
  if (a.size === 0 || b.size === 0) return 0;
  return (2 * [...a].filter((pair) => b.has(pair)).length) / (a.size + b.size);
}

function bestLikeness(xs: readonly string[], ys: readonly string[]): number {
  return Math.max(0, ...xs.flatMap((x) => ys.map((y) => lexicalLikeness(x, y))));
}

type Named = Pick<CellGroup, "cell_type" | "cell_ontology_id" | "perturbation" | "perturbation_id">;

/**
 * Labels in words: the label, and the name and synonyms that the knowledge has for its id, each
 * once.
 */
function namesIn(knowledge: Knowledge) {
  const perturbations = new Map(knowledge.perturbations.map((entry) => [entry.id, entry]));
  const cellTypes = new Map(knowledge.cellTypes.map((entry) => [entry.id, entry]));
  const names = (
    label: string,
    entry?: { readonly name: string; readonly synonyms: readonly string[] },
  ): string[] => [
    ...new Set([label, ...(entry === undefined ? [] : [entry.name, ...entry.synonyms])]),
  ];
  return {
    perturbation: ({ perturbation, perturbation_id }: Named) =>
      names(perturbation, perturbations.get(perturbation_id ?? "")),
    cellType: ({ cell_type, cell_ontology_id }: Named) =>
      names(cell_type, cellTypes.get(cell_ontology_id ?? "")),
  };
}

/**
 * Whether a group does the opposite of what is asked: by its mechanism, or to a gene that is asked
 * about. A cytokine is the opposite of the loss of its gene. Names do not tell: their letters and
 * their meaning are near to each other.
 */
function oppositeTo(query: StructuredQuery, knowledge: Knowledge): (group: CellGroup) => boolean {
  const effects = geneEffects(query, knowledge);
  const asked = mechanismAsked(query, knowledge);
  const byId = new Map(knowledge.perturbations.map((entry) => [entry.id, entry]));
  const isOpposed = (entry: PerturbationEntry): boolean =>
    (entry.kind === "cytokine" && effects.get(entry.external_ids["hgnc"] ?? "") === "loss") ||
    balanceOf(sharedBy(asked, mechanismOf(entry, knowledge))) < 0;
  const opposed = new Map<string, boolean>();
  return ({ perturbation_id: id, genetic }) => {
    if (genetic?.genes.some((gene) => (effects.get(gene) ?? genetic.effect) !== genetic.effect))
      return true;
    const entry = byId.get(id ?? "");
    if (entry === undefined) return false;
    const known = opposed.get(entry.id) ?? isOpposed(entry);
    opposed.set(entry.id, known);
    return known;
  };
}

/** Whether the cells of a group have lost or gained genes. */
function changesGenes(
  { genetic, perturbation, perturbation_id }: CellGroup,
  knowledge: Knowledge,
): boolean {
  if (genetic !== undefined) return true;
  const entry = knowledge.perturbations.find(({ id }) => id === perturbation_id);
  return entry === undefined
    ? geneticReading(perturbation, knowledge) !== null
    : entry.kind === "genetic";
}

const askedIn = ({ cell_type, perturbation }: StructuredQuery): Named => ({
  cell_type: cell_type.name,
  cell_ontology_id: cell_type.cell_ontology_id,
  perturbation: perturbation.name,
  perturbation_id: perturbation.id,
});

const inWords = (names: readonly string[]): string => names.join(", ");

export interface SemanticTexts {
  readonly asked: { readonly perturbation: string; readonly cell_type: string };
  readonly perturbations: readonly string[];
  readonly cell_types: readonly string[];
}

/**
 * What the strategy compares, as texts to embed: what was asked for, and each perturbation and cell
 * type that perturbed groups have.
 */
export function semanticTexts(
  query: StructuredQuery,
  perturbed: readonly { readonly group: CellGroup }[],
  knowledge: Knowledge,
): SemanticTexts {
  const names = namesIn(knowledge);
  const asked = askedIn(query);
  const others = perturbed.filter(({ group }) => !isAskedPerturbation(query, group));
  return {
    asked: {
      perturbation: inWords(names.perturbation(asked)),
      cell_type: inWords(names.cellType(asked)),
    },
    perturbations: [...new Set(others.map(({ group }) => inWords(names.perturbation(group))))],
    cell_types: [...new Set(others.map(({ group }) => inWords(names.cellType(group))))],
  };
}

/**
 * Perturbations whose label, name or synonyms mean the like of the asked one, or read like it;
 * helps where labels have no curated entry.
 */
export const semantic: RetrievalStrategy = {
  name: "semantic",
  propose({ query, knowledge, perturbed, embedded }) {
    const curated = new Set<string | null>(knowledge.perturbations.map(({ id }) => id));
    const names = namesIn(knowledge);
    const meanings = {
      perturbations: new Map(embedded?.perturbations),
      cellTypes: new Map(embedded?.cell_types),
    };
    const asked = names.perturbation(askedIn(query));
    const likeness = new Map<string, { readonly like: number; readonly because: string }>();
    const asksGenes = query.perturbation.kind === "genetic";
    const isOpposite = oppositeTo(query, knowledge);
    const compare = (group: CellGroup): { readonly like: number; readonly because: string } => {
      const own = names.perturbation(group);
      const cosine = meanings.perturbations.get(inWords(own));
      return embedded === null || cosine === undefined
        ? {
            // A gene and a substance of like letters tell nothing of each other.
            like: asksGenes && !changesGenes(group, knowledge) ? 0 : bestLikeness(asked, own),
            because: `the name "${group.perturbation}" reads like ${query.perturbation.name}, by its letters`,
          }
        : {
            like: cosine,
            because: `"${group.perturbation}" is near ${query.perturbation.name} in meaning (cosine ${cosine.toFixed(2)} by the embeddings of ${embedded.model})`,
          };
    };
    return perturbed.flatMap((located): Proposal[] => {
      const { group } = located;
      if (isAskedPerturbation(query, group)) return [];
      if (group.genetic !== undefined && !asksGenes) return [];
      if (isOpposite(group)) return [];
      const { like, because } = likeness.get(group.perturbation) ?? compare(group);
      likeness.set(group.perturbation, { like, because });
      if (like < MIN_LIKENESS) return [];
      const near =
        meanings.cellTypes.get(inWords(names.cellType(group))) ??
        lexicalLikeness(query.cell_type.name, group.cell_type);
      const cell = isAskedCellType(query, group)
        ? 1
        : OTHER_CELL_TYPE + (1 - OTHER_CELL_TYPE) * Math.max(0, near);
      const scale =
        curated.has(query.perturbation.id) && curated.has(group.perturbation_id)
          ? BOTH_CURATED
          : MATCH_SCALE;
      return [{ ...located, match: scale * Math.min(1, like) * cell, because }];
    });
  },
};
