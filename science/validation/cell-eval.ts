import { benjaminiHochberg } from "../statistics/benjamini-hochberg.ts";
import { pearson, rank, spearman } from "../statistics/correlation.ts";
import { twoSidedNormalP } from "../statistics/special-functions.ts";
import { meanSquare, minus } from "./agreement.ts";
import { meansOf, testByGene, type LogCells } from "./log-cells.ts";

/**
 * The metrics of Arc's cell-eval 0.8.2 for one perturbation, under its names, on log1p(CP10k)
 * cells. NaN where cell-eval gives none.
 */
export interface CellEval {
  readonly pearson_delta: number;
  readonly mse: number;
  readonly mae: number;
  readonly mse_delta: number;
  readonly mae_delta: number;
  readonly overlap_at_N: number;
  readonly overlap_at_50: number;
  readonly overlap_at_100: number;
  readonly overlap_at_200: number;
  readonly overlap_at_500: number;
  readonly precision_at_N: number;
  readonly precision_at_50: number;
  readonly precision_at_100: number;
  readonly precision_at_200: number;
  readonly precision_at_500: number;
  readonly de_spearman_lfc_sig: number;
  readonly de_direction_match: number;
  readonly de_sig_genes_recall: number;
  readonly de_nsig_counts_real: number;
  readonly de_nsig_counts_pred: number;
  readonly pr_auc: number;
  readonly roc_auc: number;
}

/** Perturbed cells and the controls that they are compared with. */
export interface ComparedCells {
  readonly treated: LogCells;
  readonly control: LogCells;
}

const SIGNIFICANT = 0.05;

/** Differential expression as pdex 0.3 finds it for cell-eval, which keeps it in single precision. */
interface Expression {
  readonly log2FoldChange: Float32Array;
  readonly fdr: Float32Array;
  /** Significant genes, the largest absolute fold changes first. */
  readonly top: readonly number[];
}

/** Measured and predicted cells over the same genes. */
export function cellEval(real: ComparedCells, pred: ComparedCells): CellEval {
  const means = {
    real: meansOf(real.treated),
    pred: meansOf(pred.treated),
    realDelta: minus(meansOf(real.treated), meansOf(real.control)),
    predDelta: minus(meansOf(pred.treated), meansOf(pred.control)),
  };
  const error = minus(means.pred, means.real);
  const deltaError = minus(means.predDelta, means.realDelta);
  const [measured, predicted] = [expression(real), expression(pred)];
  const isTop = new Set(predicted.top);
  const found = measured.top.filter((gene) => isTop.has(gene)).length;
  const sameSign = measured.top.filter(
    (gene) =>
      Math.sign(measured.log2FoldChange[gene]!) === Math.sign(predicted.log2FoldChange[gene]!),
  ).length;
  const of = ({ log2FoldChange }: Expression) => measured.top.map((gene) => log2FoldChange[gene]!);
  const overlap = (k: number) => shared(measured, predicted, Math.min(k, measured.top.length));
  const precision = (k: number) => shared(measured, predicted, Math.min(k, predicted.top.length));
  return {
    pearson_delta: pearson(means.predDelta, means.realDelta),
    mse: meanSquare(error),
    mae: meanAbsolute(error),
    mse_delta: meanSquare(deltaError),
    mae_delta: meanAbsolute(deltaError),
    overlap_at_N: overlap(Infinity),
    overlap_at_50: overlap(50),
    overlap_at_100: overlap(100),
    overlap_at_200: overlap(200),
    overlap_at_500: overlap(500),
    precision_at_N: precision(Infinity),
    precision_at_50: precision(50),
    precision_at_100: precision(100),
    precision_at_200: precision(200),
    precision_at_500: precision(500),
    de_spearman_lfc_sig: spearman(of(measured), of(predicted)),
    de_direction_match: sameSign / measured.top.length,
    de_sig_genes_recall: found / measured.top.length,
    de_nsig_counts_real: measured.top.length,
    de_nsig_counts_pred: predicted.top.length,
    ...recovery(measured, predicted),
  };
}

const meanAbsolute = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;

/** Share of the first k genes of both; 0 where one side has none. */
function shared(measured: Expression, predicted: Expression, k: number): number {
  if (k === 0 || measured.top.length === 0 || predicted.top.length === 0) return 0;
  const wanted = new Set(measured.top.slice(0, k));
  return predicted.top.slice(0, k).filter((gene) => wanted.has(gene)).length / k;
}

/**
 * p: Mann-Whitney U with continuity and tie correction, adjusted by Benjamini-Hochberg. Fold change:
 * of expm1 of the means, without a pseudocount; 0 where both are 0.
 */
function expression({ treated, control }: ComparedCells): Expression {
  const p = testByGene(treated, control, mannWhitneyP);
  const fdr = Float32Array.from(benjaminiHochberg(p));
  const [with_, without] = [meansOf(treated), meansOf(control)];
  const log2FoldChange = Float32Array.from(with_, (mean, gene) => {
    const change = Math.log2(Math.expm1(mean) / Math.expm1(without[gene]!));
    return Number.isNaN(change) ? 0 : change;
  });
  const size = (gene: number) => Math.abs(log2FoldChange[gene]!);
  const top = [...fdr.keys()]
    .filter((gene) => fdr[gene]! < SIGNIFICANT)
    .toSorted((a, b) => (size(a) === size(b) ? a - b : size(b) - size(a)));
  return { log2FoldChange, fdr, top };
}

/** Two-sided, with continuity and tie correction, of the first `n` values against the other `m`. */
export function mannWhitneyP(values: Float64Array, n: number, m: number): number {
  const total = n + m;
  const ranks = rank(values);
  let sum = 0;
  for (let i = 0; i < n; i += 1) sum += ranks[i]!;
  const groups = new Map<number, number>();
  for (const each of ranks) groups.set(each, (groups.get(each) ?? 0) + 1);
  let ties = 0;
  for (const size of groups.values()) ties += size ** 3 - size;
  const u = sum - (n * (n + 1)) / 2;
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)));
  if (variance <= 0) return 1;
  const z = (Math.max(u, n * m - u) - (n * m) / 2 - 0.5) / Math.sqrt(variance);
  return z <= 0 ? 1 : twoSidedNormalP(z);
}

const SMALLEST_FDR = 1e-10;

/** How well -log10 of the predicted fdr finds the genes that are significant in truth. */
function recovery(measured: Expression, { fdr }: Expression): Pick<CellEval, "pr_auc" | "roc_auc"> {
  const positives = measured.top.length;
  const negatives = fdr.length - positives;
  if (positives === 0 || negatives === 0) return { pr_auc: Number.NaN, roc_auc: Number.NaN };
  const score = Float32Array.from(fdr, (q) => -Math.log10(Math.max(q, Math.fround(SMALLEST_FDR))));
  const isPositive = new Set(measured.top);
  const ranks = rank(score);
  const ranksOfHits = measured.top.reduce((sum, gene) => sum + ranks[gene]!, 0);
  const order = [...score.keys()].toSorted((a, b) => score[b]! - score[a]!);
  let [seen, hits, area] = [0, 0, 0];
  while (seen < order.length) {
    const threshold = score[order[seen]!]!;
    const before = hits;
    while (seen < order.length && score[order[seen]!] === threshold) {
      if (isPositive.has(order[seen]!)) hits += 1;
      seen += 1;
    }
    area += ((hits - before) / positives) * (hits / seen);
  }
  return {
    pr_auc: area,
    roc_auc: (ranksOfHits - (positives * (positives + 1)) / 2) / (positives * negatives),
  };
}
