import type { CsrMatrix } from "../anndata/anndata.ts";
import { benjaminiHochberg } from "../statistics/benjamini-hochberg.ts";
import { mannWhitneyP } from "./cell-eval.ts";
import { logCells, testByGene } from "./log-cells.ts";

/** Counts per million, by which cells are normalised and genes are gated. */
const CPM = 1e6;
/** A gene is tested where the controls have more than so many counts per million. */
const LEAST_CPM = 5;
const FOLD_CHANGE_PSEUDOCOUNT = 1e-9;
const SIGNIFICANT = 0.05;

/** Differential expression as cell-eval2's vcc2026 preset has it (pdex). NaN: a gene not tested. */
export interface TestedGenes {
  /** Of mean counts per million. */
  readonly log2FoldChange: Float64Array;
  /** Mann-Whitney U with continuity and tie correction. */
  readonly p: Float64Array;
  /** Benjamini-Hochberg over the tested genes. */
  readonly pAdjusted: Float64Array;
}

/** Counts of treated and control cells, over the same genes. */
export function testedGenes(treated: CsrMatrix, control: CsrMatrix): TestedGenes {
  const [withIt, without] = [meanCpm(treated), meanCpm(control)];
  const isTested = (gene: number) => without[gene]! > LEAST_CPM;
  const all = testByGene(logCells(treated, CPM), logCells(control, CPM), mannWhitneyP, isTested);
  const tested = [...without.keys()].filter(isTested);
  const adjusted = benjaminiHochberg(tested.map((gene) => all[gene]!));
  const pAdjusted = new Float64Array(without.length).fill(Number.NaN);
  tested.forEach((gene, at) => {
    pAdjusted[gene] = adjusted[at]!;
  });
  return {
    log2FoldChange: withIt.map((mean, gene) =>
      isTested(gene)
        ? Math.log2((mean + FOLD_CHANGE_PSEUDOCOUNT) / (without[gene]! + FOLD_CHANGE_PSEUDOCOUNT))
        : Number.NaN,
    ),
    p: all,
    pAdjusted,
  };
}

function meanCpm(X: CsrMatrix): Float64Array {
  const means = new Float64Array(X.nCols);
  for (let row = 0; row < X.nRows; row += 1) {
    let size = 0;
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1) size += X.data[k]!;
    if (size === 0) continue;
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1)
      means[X.indices[k]!]! += (X.data[k]! / size) * CPM;
  }
  return means.map((sum) => sum / Math.max(1, X.nRows));
}

/** The significant genes in order, the gene `except` (-1: none) left out. */
export const significantGenes = ({ pAdjusted }: TestedGenes, except: number): number[] =>
  [...pAdjusted.keys()].filter((gene) => gene !== except && pAdjusted[gene]! < SIGNIFICANT);
