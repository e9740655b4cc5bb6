import { significantGenes, type TestedGenes } from "./significant-genes.ts";

/**
 * The four of cell-eval2's vcc2026 metrics that compare the genes that a perturbation changes, under
 * the package's names without their prefix "de_wilcoxon_". NaN where the package gives none.
 */
export interface GeneAgreement {
  readonly sig_jaccard: number;
  readonly direction_fidelity_yield_raw: number;
  readonly direction_reach_raw: number;
  readonly lfc_nmae: number;
}

interface Compared {
  readonly real: TestedGenes;
  readonly pred: TestedGenes;
  readonly genes: readonly string[];
  /** The gene that is perturbed itself, -1 where none is: it counts in nothing. */
  readonly own: number;
}

/** Least share of right directions among the first genes. */
const PURITY = 0.9;
/** Significant genes without which the error of fold changes says nothing. */
const LEAST_GENES = 10;

export function geneAgreement(compared: Compared): GeneAgreement {
  const { real, pred, own } = compared;
  const measured = significantGenes(real, own);
  const called = significantGenes(pred, own);
  const isMeasured = new Set(measured);
  const shared = called.filter((gene) => isMeasured.has(gene)).length;
  const union = measured.length + called.length - shared;
  return {
    sig_jaccard: union === 0 ? 1 : shared / union,
    direction_fidelity_yield_raw: fidelity(compared, measured.length, called),
    direction_reach_raw: reach(compared, measured),
    lfc_nmae: foldChangeError(compared, measured),
  };
}

const isAdjudicated = ({ real }: Compared, gene: number): boolean => {
  const change = real.log2FoldChange[gene]!;
  return !Number.isNaN(change) && change !== 0;
};

const isSameWay = ({ real, pred }: Compared, gene: number): boolean => {
  const change = pred.log2FoldChange[gene]!;
  return change !== 0 && Math.sign(change) === Math.sign(real.log2FoldChange[gene]!);
};

function fidelity(compared: Compared, measured: number, called: readonly number[]): number {
  const judged = called.filter((gene) => isAdjudicated(compared, gene));
  return (
    judged.filter((gene) => isSameWay(compared, gene)).length / Math.max(judged.length, measured)
  );
}

/** Of the significant genes, the share up to which the predicted order keeps PURITY. */
function reach(compared: Compared, measured: readonly number[]): number {
  const { pred, genes } = compared;
  const size = (gene: number) => Math.abs(pred.log2FoldChange[gene]!);
  const order = measured
    .filter((gene) => !Number.isNaN(pred.pAdjusted[gene]!))
    .toSorted(
      (a, b) =>
        pred.pAdjusted[a]! - pred.pAdjusted[b]! ||
        pred.p[a]! - pred.p[b]! ||
        size(b) - size(a) ||
        Number(genes[a]! > genes[b]!) - Number(genes[a]! < genes[b]!),
    );
  let [judged, right, farthest] = [0, 0, 0];
  for (const gene of order) {
    if (isAdjudicated(compared, gene)) judged += 1;
    if (isAdjudicated(compared, gene) && isSameWay(compared, gene)) right += 1;
    if (judged > 0 && right / judged >= PURITY) farthest = judged;
  }
  return measured.length === 0 ? Number.NaN : farthest / measured.length;
}

/** Mean error of the predicted fold changes over the mean size of the measured ones. */
function foldChangeError({ real, pred }: Compared, measured: readonly number[]): number {
  if (measured.length < LEAST_GENES) return Number.NaN;
  let [error, size] = [0, 0];
  for (const gene of measured) {
    const change = pred.log2FoldChange[gene]!;
    error += Math.abs((Number.isFinite(change) ? change : 0) - real.log2FoldChange[gene]!);
    size += Math.abs(real.log2FoldChange[gene]!);
  }
  return size === 0 ? Number.NaN : error / size;
}
