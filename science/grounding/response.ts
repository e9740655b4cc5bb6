import { rank } from "../statistics/correlation.ts";
import type { ExpressionComparison } from "../statistics/differential-expression.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";
import { given } from "../../given.ts";

const MAX_STRATA = 20;
const MIN_STRATUM_GENES = 100;

/** A predicted response, gene by gene in var order, as all components read it. */
export interface Response {
  readonly symbols: readonly string[];
  /** Difference of mean log1p(CP10k), prediction minus reference. */
  readonly delta: Float64Array;
  /** 1 up, -1 down, 0 not differentially expressed. */
  readonly change: Int8Array;
  readonly rank?: Int32Array;
  /**
   * Genes of like expression in the reference: stratum of each gene, and the genes of each stratum.
   */
  readonly stratumOf: Uint8Array;
  readonly strata: readonly (readonly number[])[];
  /**
   * Rank from 1, over all genes, of the gene's relative rank by delta within its stratum. Comparing
   * like with like keeps mere regression to the mean (rare genes up, abundant genes down) from
   * looking like a response.
   */
  readonly standing: Float64Array;
  /** Symbol to position; of equal symbols the one expressed most. */
  readonly position: ReadonlyMap<string, number>;
}

export function describeResponse({ de, meanTreated, meanControl }: ExpressionComparison): Response {
  const symbols = de.genes.map(geneSymbol);
  const delta = meanTreated.map((mean, i) => mean - meanControl[i]!);
  const expression = meanTreated.map((mean, i) => mean + meanControl[i]!);
  const position = new Map<string, number>();
  symbols.forEach((symbol, i) => {
    const known = position.get(symbol);
    if (known === undefined || expression[i]! > expression[known]!) position.set(symbol, i);
  });
  const change = Int8Array.from(delta, (value, i) => (de.is_de[i] === 1 ? Math.sign(value) : 0));
  const { stratumOf, strata } = stratify(meanControl);
  return {
    symbols,
    delta,
    change,
    ...given({ rank: de.rank }),
    stratumOf,
    strata,
    standing: standingWithin(strata, delta),
    position,
  };
}

/**
 * Bins of equal size by mean expression in the reference; genes silent there are a bin of their
 * own.
 */
function stratify(reference: Float64Array): Pick<Response, "stratumOf" | "strata"> {
  const genes = [...reference.keys()];
  const silent = genes.filter((gene) => reference[gene] === 0);
  const expressed = genes
    .filter((gene) => reference[gene]! > 0)
    .toSorted((a, b) => reference[a]! - reference[b]! || a - b);
  const count = Math.min(MAX_STRATA, Math.max(1, Math.floor(expressed.length / MIN_STRATUM_GENES)));
  const strata: number[][] = [...Array.from({ length: count }, () => []), silent];
  expressed.forEach((gene, i) => strata[Math.floor((i * count) / expressed.length)]!.push(gene));
  const stratumOf = new Uint8Array(reference.length);
  strata.forEach((stratum, number) => {
    for (const gene of stratum) stratumOf[gene] = number;
  });
  return { stratumOf, strata };
}

function standingWithin(strata: readonly (readonly number[])[], delta: Float64Array): Float64Array {
  const relative = new Float64Array(delta.length);
  for (const genes of strata) {
    const ranks = rank(genes.map((gene) => delta[gene]!));
    genes.forEach((gene, i) => {
      relative[gene] = (ranks[i]! - 0.5) / genes.length;
    });
  }
  return rank(relative);
}

export function hasDifferentialExpression(response: Response): boolean {
  return response.change.some((change) => change !== 0);
}

/** The `count` DE genes that rank first; without ranks those that move most, by |delta|. */
export function strongestGenes({ change, delta, rank: place }: Response, count: number): number[] {
  return [...change.keys()]
    .filter((gene) => change[gene] !== 0)
    .toSorted((a, b) =>
      place === undefined
        ? Math.abs(delta[b]!) - Math.abs(delta[a]!) || a - b
        : place[a]! - place[b]!,
    )
    .slice(0, count);
}
