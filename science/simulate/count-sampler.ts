import type { CsrMatrix } from "../anndata/anndata.ts";
import { largePoisson, logarithmic, uniform } from "./seeded-random.ts";
import type { RandomStream } from "./seeded-random.ts";

/**
 * Negative-binomial counts in time proportional to the counts, not to the genes: a negative
 * binomial is a Poisson number of clusters of logarithmic size (Quenouille 1949). With size
 * parameters that grow with the library size, every gene's cluster rate is proportional to it, so
 * one alias table (Walker 1977, Vose 1991) serves all cells of a group.
 */
export interface CountProfile {
  /** Clusters expected a cell of library size `librarySize`. */
  readonly clusters: number;
  readonly librarySize: number;
  readonly accept: Float64Array;
  readonly alias: Int32Array;
  /** Parameter of the logarithmic series, a gene. */
  readonly p: Float64Array;
  readonly logOneMinusP: Float64Array;
}

/**
 * `means`: expected counts a gene at the library size that is their sum; `size`: negative-binomial
 * size parameter there.
 */
export function countProfile(means: Float64Array, size: number): CountProfile {
  const nGenes = means.length;
  const p = new Float64Array(nGenes);
  const logOneMinusP = new Float64Array(nGenes);
  const rates = new Float64Array(nGenes);
  let clusters = 0;
  let librarySize = 0;
  for (let gene = 0; gene < nGenes; gene += 1) {
    const mean = means[gene]!;
    p[gene] = mean / (mean + size);
    logOneMinusP[gene] = -Math.log1p(mean / size);
    rates[gene] = -size * logOneMinusP[gene]!;
    clusters += rates[gene]!;
    librarySize += mean;
  }
  const accept = new Float64Array(nGenes).fill(1);
  const alias = new Int32Array(nGenes);
  const small: number[] = [];
  const large: number[] = [];
  for (let gene = 0; gene < nGenes; gene += 1) {
    rates[gene]! *= nGenes / clusters;
    (rates[gene]! < 1 ? small : large).push(gene);
  }
  while (small.length > 0 && large.length > 0) {
    const less = small.pop()!;
    const more = large.at(-1)!;
    accept[less] = rates[less]!;
    alias[less] = more;
    rates[more]! -= 1 - rates[less]!;
    if (rates[more]! < 1) small.push(large.pop()!);
  }
  return { clusters, librarySize, accept, alias, p, logOneMinusP };
}

/** A CSR matrix under construction, one cell at a time; its arrays grow by half. */
export interface CountMatrixBuilder {
  addCell(random: RandomStream, profile: CountProfile, librarySize: number): void;
  build(): CsrMatrix;
}

export function countMatrixBuilder(nGenes: number, expectedNonZeros: number): CountMatrixBuilder {
  let capacity = Math.max(1024, Math.ceil(expectedNonZeros));
  let data = new Float32Array(capacity);
  let indices = new Int32Array(capacity);
  let used = 0;
  const indptr = [0];
  const counts = new Int32Array(nGenes);

  function reserve(extra: number): void {
    if (used + extra <= capacity) return;
    capacity = Math.ceil((used + extra) * 1.5);
    const grownData = new Float32Array(capacity);
    grownData.set(data);
    data = grownData;
    const grownIndices = new Int32Array(capacity);
    grownIndices.set(indices);
    indices = grownIndices;
  }

  return {
    addCell(random, profile, librarySize) {
      const { accept, alias, p, logOneMinusP } = profile;
      const clusters = largePoisson(random, (profile.clusters * librarySize) / profile.librarySize);
      for (let cluster = 0; cluster < clusters; cluster += 1) {
        const at = uniform(random) * nGenes;
        const column = Math.trunc(at);
        const gene = at - column < accept[column]! ? column : alias[column]!;
        counts[gene]! += logarithmic(random, p[gene]!, logOneMinusP[gene]!);
      }
      reserve(nGenes);
      for (let gene = 0; gene < nGenes; gene += 1) {
        if (counts[gene] === 0) continue;
        indices[used] = gene;
        data[used] = counts[gene]!;
        counts[gene] = 0;
        used += 1;
      }
      indptr.push(used);
    },
    build() {
      return {
        nRows: indptr.length - 1,
        nCols: nGenes,
        data: data.subarray(0, used),
        indices: indices.subarray(0, used),
        indptr: Int32Array.from(indptr),
      };
    },
  };
}
