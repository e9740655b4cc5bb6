import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { PathwayEntry } from "../knowledge/knowledge.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";
import { clamp01, unmeasured } from "./component.ts";
import type { Finding } from "./component.ts";
import { signOf } from "./expectation.ts";
import { strongestGenes } from "./response.ts";
import type { Response } from "./response.ts";

const NAME = "network_coherence";
const MIN_NETWORK_GENES = 30;
const MIN_PATHWAY_GENES = 3;
const MIN_SHARED_GENES = 2;
const STRONGEST_GENES = 100;
const RANDOM_SETS = 1000;
/**
 * 32 times as many links as random sets have is a full effect, 10 standard deviations full
 * significance.
 */
const FULL_FOLD_LOG2 = 5;
const FULL_Z = 10;
const SUPPORTING_Z = 3;

interface Network {
  /** Pathway numbers of each gene. */
  readonly pathwaysOf: readonly (readonly number[])[];
  /** Measured genes of each pathway. */
  readonly sizes: readonly number[];
  /** Expected direction of each pathway and of each gene, 0 when none is expected. */
  readonly pathwaySigns: readonly (1 | -1 | 0)[];
  readonly geneSigns: Int8Array;
  readonly linkedGenes: number;
}

/**
 * Are the genes that move together known to work together? The network links genes that share a
 * pathway; when the knowledge says something of the perturbation, only the pathways it touches
 * count: the expected ones and those with two or more of its targets. A link counts between two
 * genes moving the same way unless that contradicts the direction expected of the gene or pathway,
 * and weighs 1 / (measured pathway size - 1). The 100 strongest DE genes are compared with 1000
 * seeded random sets of the same directions and strata of expression. strength = min(1, z / 10) *
 * min(1, log2(links / mean random links) / 5), not below 0.
 */
export function networkCoherence(
  pathways: readonly PathwayEntry[],
  query: StructuredQuery,
  response: Response,
  seed: number,
): Finding {
  const network = buildNetwork(touchedPathways(pathways, query), query, response);
  if (network.linkedGenes < MIN_NETWORK_GENES) {
    return unmeasured(
      NAME,
      `Only ${network.linkedGenes} measured genes are in pathways this perturbation touches; at least ${MIN_NETWORK_GENES} are needed.`,
    );
  }
  const moving = strongestGenes(response, STRONGEST_GENES);
  const directions = moving.map((gene) => response.change[gene]!);
  const links = countLinks(moving, directions, network);
  const random = randomLinks({ moving, directions }, response, network, seed);
  const mean = random.reduce((sum, value) => sum + value, 0) / random.length;
  const deviation = Math.sqrt(
    random.reduce((sum, value) => sum + (value - mean) ** 2, 0) / random.length,
  );
  const z = deviation > 0 ? (links - mean) / deviation : 0;
  const fold = mean > 0 ? links / mean : 0;
  const strength =
    z > 0 && fold > 1 ? clamp01(z / FULL_Z) * clamp01(Math.log2(fold) / FULL_FOLD_LOG2) : 0;
  const statement = `The ${moving.length} strongest genes have ${fold.toFixed(1)} times the links of random sets of like expression (z ${z.toFixed(1)}).`;
  return {
    name: NAME,
    strength,
    reason: statement,
    evidence: [
      {
        id: "N1",
        component: NAME,
        statement,
        supports: z >= SUPPORTING_Z,
        // A lack of known links speaks against nothing.
        ...(z >= SUPPORTING_Z ? {} : { silent: true as const }),
        source: `shared membership in ${network.sizes.length} curated pathways`,
      },
    ],
    feedback:
      z >= SUPPORTING_Z
        ? []
        : ["The strongest genes are not known to work together more than random genes do."],
  };
}

function touchedPathways(
  pathways: readonly PathwayEntry[],
  query: StructuredQuery,
): readonly PathwayEntry[] {
  const expected = new Set(query.expected_pathways.map(({ id }) => id));
  const genes = new Set(
    [...query.expected_targets.map(({ gene }) => gene), ...query.perturbation.targets].map(
      geneSymbol,
    ),
  );
  if (expected.size === 0 && genes.size === 0) return pathways;
  return pathways.filter(
    ({ id, genes: members }) =>
      expected.has(id) ||
      members.filter((gene) => genes.has(geneSymbol(gene))).length >= MIN_SHARED_GENES,
  );
}

function buildNetwork(
  pathways: readonly PathwayEntry[],
  query: StructuredQuery,
  response: Response,
): Network {
  const pathwaysOf: number[][] = response.symbols.map(() => []);
  const sizes: number[] = [];
  const pathwaySigns: (1 | -1 | 0)[] = [];
  for (const pathway of pathways) {
    const members = new Set(
      pathway.genes.flatMap((gene) => response.position.get(geneSymbol(gene)) ?? []),
    );
    if (members.size < MIN_PATHWAY_GENES) continue;
    const expectation = query.expected_pathways.find(({ id }) => id === pathway.id);
    for (const gene of members) pathwaysOf[gene]!.push(sizes.length);
    sizes.push(members.size);
    pathwaySigns.push(expectation === undefined ? 0 : signOf(expectation.direction));
  }
  const geneSigns = new Int8Array(response.symbols.length);
  for (const { gene, direction } of query.expected_targets) {
    const position = response.position.get(geneSymbol(gene));
    if (position !== undefined) geneSigns[position] = signOf(direction);
  }
  return {
    pathwaysOf,
    sizes,
    pathwaySigns,
    geneSigns,
    linkedGenes: pathwaysOf.filter((list) => list.length > 0).length,
  };
}

function countLinks(
  genes: readonly number[],
  directions: readonly number[],
  { pathwaysOf, sizes, pathwaySigns, geneSigns }: Network,
): number {
  const up = new Uint32Array(sizes.length);
  const down = new Uint32Array(sizes.length);
  genes.forEach((gene, i) => {
    if (geneSigns[gene] === -directions[i]!) return;
    const count = directions[i]! > 0 ? up : down;
    for (const pathway of pathwaysOf[gene]!) count[pathway]! += 1;
  });
  let links = 0;
  for (let pathway = 0; pathway < sizes.length; pathway += 1) {
    const upPairs = pathwaySigns[pathway] === -1 ? 0 : pairs(up[pathway]!);
    const downPairs = pathwaySigns[pathway] === 1 ? 0 : pairs(down[pathway]!);
    links += (upPairs + downPairs) / (sizes[pathway]! - 1);
  }
  return links;
}

function pairs(n: number): number {
  return (n * (n - 1)) / 2;
}

interface MovingGenes {
  readonly moving: readonly number[];
  readonly directions: readonly number[];
}

function randomLinks(
  { moving, directions }: MovingGenes,
  response: Response,
  network: Network,
  seed: number,
): Float64Array {
  const random = xoroshiro128plus(seed);
  const strata = response.strata.map((genes) => [...genes]);
  return Float64Array.from({ length: RANDOM_SETS }, () => {
    const taken = new Uint32Array(strata.length);
    const drawn = moving.map((gene) => {
      const stratum = response.stratumOf[gene]!;
      const genes = strata[stratum]!;
      const at = taken[stratum]!;
      const pick = uniformInt(random, at, genes.length - 1);
      [genes[at], genes[pick]] = [genes[pick]!, genes[at]!];
      taken[stratum] = at + 1;
      return genes[at];
    });
    return countLinks(drawn, directions, network);
  });
}
