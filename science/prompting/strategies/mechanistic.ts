import type { Knowledge, PerturbationEntry } from "../../knowledge/knowledge.ts";
import type { StructuredQuery } from "../../query/structured-query.ts";
import { isAskedPerturbation } from "../retrieval.ts";
import type { Proposal, RetrievalStrategy } from "../retrieval.ts";

/**
 * What a perturbation does, with the sign of each part: +1 up or activated, -1 down or inhibited.
 */
interface Mechanism {
  readonly label: string | null;
  readonly targets: ReadonlyMap<string, number>;
  /** Member genes of its pathways, so that overlapping pathways of different names count. */
  readonly pathwayGenes: ReadonlyMap<string, number>;
  readonly response: ReadonlyMap<string, number>;
}

const ACTION_SIGN = {
  activates: 1,
  overexpresses: 1,
  binds: 1,
  inhibits: -1,
  knocks_out: -1,
} as const;
const SAME_LABEL = 0.8;
const WEIGHTS = { targets: 0.8, response: 0.9, pathways: 0.6 } as const;
const MIN_MATCH = 0.1;
const MAX_MATCH = 0.9;

const sign = (direction: "up" | "down"): number => (direction === "up" ? 1 : -1);

function pathwayGenes(
  pathways: readonly { readonly id: string; readonly direction: "up" | "down" }[],
  knowledge: Knowledge,
): Map<string, number> {
  const members = new Map(knowledge.pathways.map(({ id, genes }) => [id, genes]));
  return new Map(
    pathways.flatMap(({ id, direction }) =>
      (members.get(id) ?? []).map((gene) => [gene, sign(direction)] as const),
    ),
  );
}

function mechanismOf(entry: PerturbationEntry, knowledge: Knowledge): Mechanism {
  return {
    label: entry.mechanism.toLowerCase(),
    targets: new Map(entry.targets.map(({ gene, action }) => [gene, ACTION_SIGN[action]])),
    pathwayGenes: pathwayGenes(entry.pathways, knowledge),
    response: new Map(entry.response.map(({ gene, direction }) => [gene, sign(direction)])),
  };
}

/**
 * For a perturbation the curated knowledge lacks: what the question's analysis found out about it.
 */
function mechanismOfQuery(query: StructuredQuery, knowledge: Knowledge): Mechanism {
  return {
    label: null,
    targets: new Map(query.perturbation.targets.map((gene) => [gene, 1])),
    pathwayGenes: pathwayGenes(query.expected_pathways, knowledge),
    response: new Map(query.expected_targets.map(({ gene, direction }) => [gene, sign(direction)])),
  };
}

/** Cosine of two signed sets: 1 the same, -1 opposite, 0 nothing shared. */
export function signedCosine(
  x: ReadonlyMap<string, number>,
  y: ReadonlyMap<string, number>,
): number {
  if (x.size === 0 || y.size === 0) return 0;
  let sum = 0;
  for (const [key, value] of x) sum += value * (y.get(key) ?? 0);
  return sum / Math.sqrt(x.size * y.size);
}

/**
 * Likeness 0 to 1 by noisy-or over the kinds of evidence; null when they share nothing or mostly
 * act against each other.
 */
function mechanismLikeness(
  asked: Mechanism,
  other: Mechanism,
): { readonly likeness: number; readonly shares: string } | null {
  const cosines = {
    targets: signedCosine(asked.targets, other.targets),
    pathways: signedCosine(asked.pathwayGenes, other.pathwayGenes),
    response: signedCosine(asked.response, other.response),
  };
  const sameLabel = asked.label !== null && asked.label === other.label;
  const balance = cosines.targets + cosines.pathways + cosines.response + (sameLabel ? 1 : 0);
  if (balance <= 0) return null;
  const parts = [
    { part: sameLabel ? SAME_LABEL : 0, words: `its mechanism (${other.label})` },
    { part: WEIGHTS.targets * Math.max(0, cosines.targets), words: "targets" },
    { part: WEIGHTS.response * Math.max(0, cosines.response), words: "known response genes" },
    { part: WEIGHTS.pathways * Math.max(0, cosines.pathways), words: "pathways" },
  ].filter(({ part }) => part > 0);
  const likeness = 1 - parts.reduce((product, { part }) => product * (1 - part), 1);
  if (likeness < MIN_MATCH) return null;
  return { likeness, shares: parts.map(({ words }) => words).join(", ") };
}

/**
 * Perturbations that share mechanism class, targets, pathways or response genes in the same
 * direction.
 */
export const mechanistic: RetrievalStrategy = {
  name: "mechanistic",
  propose({ query, knowledge, perturbed }) {
    const byId = new Map(knowledge.perturbations.map((entry) => [entry.id, entry]));
    const entry = query.perturbation.id === null ? undefined : byId.get(query.perturbation.id);
    const asked =
      entry === undefined ? mechanismOfQuery(query, knowledge) : mechanismOf(entry, knowledge);
    const cache = new Map<string, ReturnType<typeof mechanismLikeness>>();
    return perturbed.flatMap((located): Proposal[] => {
      const id = located.group.perturbation_id;
      const other = id === null ? undefined : byId.get(id);
      if (id === null || other === undefined || isAskedPerturbation(query, located.group))
        return [];
      const shared = cache.get(id) ?? mechanismLikeness(asked, mechanismOf(other, knowledge));
      cache.set(id, shared);
      if (shared === null) return [];
      return [
        {
          ...located,
          match: MAX_MATCH * shared.likeness,
          because: `${other.name} shares with ${query.perturbation.name}: ${shared.shares}`,
        },
      ];
    });
  },
};
