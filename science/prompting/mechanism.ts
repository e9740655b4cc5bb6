import type { Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";
import { geneEffects } from "../query/gene-effects.ts";
import type { StructuredQuery } from "../query/structured-query.ts";

/**
 * What a perturbation does, with the sign of each part: +1 up or activated, -1 down or inhibited.
 */
export interface Mechanism {
  readonly label: string | null;
  readonly targets: ReadonlyMap<string, number>;
  /** Member genes of its pathways, so that overlapping pathways of different names count. */
  readonly pathwayGenes: ReadonlyMap<string, number>;
  readonly response: ReadonlyMap<string, number>;
}

/** What two mechanisms have in common: cosines, below 0 where they act against each other. */
export interface SharedMechanism {
  readonly sameLabel: boolean;
  readonly targets: number;
  readonly pathways: number;
  readonly response: number;
}

const ACTION_SIGN = {
  activates: 1,
  overexpresses: 1,
  binds: 1,
  inhibits: -1,
  knocks_out: -1,
} as const;

const sign = (direction: "up" | "down"): number => (direction === "up" ? 1 : -1);

function pathwayGenes(
  pathways: readonly { readonly id: string; readonly direction: "up" | "down" }[],
  knowledge: Knowledge,
): Map<string, number> {
  const membersOf = (id: string): readonly string[] =>
    knowledge.pathways.find((pathway) => pathway.id === id)?.genes ?? [];
  return new Map(
    pathways.flatMap(({ id, direction }) =>
      membersOf(id).map((gene) => [gene, sign(direction)] as const),
    ),
  );
}

const signedTargets = ({ targets }: PerturbationEntry): [string, number][] =>
  targets.map(({ gene, action }) => [gene, ACTION_SIGN[action]]);

export function mechanismOf(entry: PerturbationEntry, knowledge: Knowledge): Mechanism {
  return {
    label: entry.mechanism.toLowerCase(),
    targets: new Map(signedTargets(entry)),
    pathwayGenes: pathwayGenes(entry.pathways, knowledge),
    response: new Map(entry.response.map(({ gene, direction }) => [gene, sign(direction)])),
  };
}

/**
 * What the asked perturbation does: of one that the curated knowledge lacks, what the reading of the
 * question says.
 */
export function mechanismAsked(query: StructuredQuery, knowledge: Knowledge): Mechanism {
  const entry = entryOf(query.perturbation.id, knowledge);
  if (entry !== undefined) return mechanismOf(entry, knowledge);
  return {
    label: null,
    targets: targetsAsked(query, knowledge),
    pathwayGenes: pathwayGenes(query.expected_pathways, knowledge),
    response: new Map(query.expected_targets.map(({ gene, direction }) => [gene, sign(direction)])),
  };
}

const entryOf = (id: string | null, { perturbations }: Knowledge): PerturbationEntry | undefined =>
  id === null ? undefined : perturbations.find((known) => known.id === id);

/** Of several given at once, what the curated ones do and the genes that are lost or gained. */
function targetsAsked(query: StructuredQuery, knowledge: Knowledge): Map<string, number> {
  const { kind, targets, combination } = query.perturbation;
  if (combination === undefined && kind !== "genetic")
    return new Map(targets.map((gene) => [gene, 1]));
  const curated = (combination ?? []).flatMap(({ id }) => entryOf(id, knowledge) ?? []);
  const effects = [...geneEffects(query, knowledge)];
  return new Map([
    ...curated.flatMap(signedTargets),
    ...effects.map(([gene, effect]): [string, number] => [gene, effect === "loss" ? -1 : 1]),
  ]);
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

export const sharedBy = (x: Mechanism, y: Mechanism): SharedMechanism => ({
  sameLabel: x.label !== null && x.label === y.label,
  targets: signedCosine(x.targets, y.targets),
  pathways: signedCosine(x.pathwayGenes, y.pathwayGenes),
  response: signedCosine(x.response, y.response),
});

/** Above 0 where two act mostly in the same direction, below 0 where they are opposites. */
export const balanceOf = ({ sameLabel, targets, pathways, response }: SharedMechanism): number =>
  targets + pathways + response + (sameLabel ? 1 : 0);
