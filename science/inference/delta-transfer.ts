import { HaystackError } from "../../errors.ts";
import type { AnnData, CsrMatrix } from "../anndata/anndata.ts";
import {
  CP10K,
  columnMeans,
  librarySizes,
  logNormalise,
  sortedColumns,
} from "../statistics/normalise.ts";
import { waterLevel } from "./water-level.ts";

export const DELTA_TRANSFER = "delta-transfer";

/** var column of a prompt: what a learned transfer adds to the prompt's mean, in log1p(CP10k). */
const CORRECTION = "transfer_correction";

/** The prompt of a learned transfer. `correction`: one value a gene of the prompt. */
export const withCorrection = (prompt: AnnData, correction: Float64Array): AnnData => ({
  ...prompt,
  var: { ...prompt.var, columns: { ...prompt.var.columns, [CORRECTION]: correction } },
});

/**
 * What the prompt's correction adds to its mean for these genes, which goes no lower than 0; 0 where it
 * has none, undefined without one.
 */
export function correctionOf(
  { X, var: { index, columns } }: AnnData,
  genes: readonly string[],
): Float64Array | undefined {
  const correction = columns[CORRECTION] as ArrayLike<number> | undefined;
  if (correction === undefined) return undefined;
  const means = columnMeans(logNormalise(X));
  const byGene = new Map(index.map((gene, i) => [gene, Math.max(-means[i]!, correction[i]!)]));
  return Float64Array.from(genes, (gene) => byGene.get(gene) ?? 0);
}

/**
 * Built-in baseline, no model: in log1p(CP10k) space each gene of the query cells is shifted by one
 * amount s and clipped at 0, with s chosen so that the mean over cells of max(0, query + s) is
 * exactly the prompt's mean. Without clipping s is mean(prompt) - mean(query). Where the prompt has the var column
 * `transfer_correction`, the prompt's mean plus it, at least 0, takes the place of the mean. Then
 * counts = expm1(value) * the query cell's library size / 1e4.
 *
 * prompt, query: counts, cells x genes; genes are matched by upper-case symbol. Genes the prompt
 * lacks stay as they are. The result has the obs and var of the query and fractional counts.
 * Deterministic, no random numbers. Throws ANNDATA_INVALID when a side has no cells or no gene is
 * shared.
 */
export function deltaTransfer(prompt: AnnData, query: AnnData): AnnData {
  if (prompt.X.nRows === 0)
    throw new HaystackError(
      "ANNDATA_INVALID",
      "The prompt contains no cells; choose a prompt with cells.",
    );
  if (query.X.nRows === 0)
    throw new HaystackError("ANNDATA_INVALID", "The query contains no cells; choose query cells.");

  const log = logNormalise(query.X);
  const targets = targetMeans(prompt, query);
  const columns = sortedColumns(log);
  const shifts = new Float64Array(query.X.nCols);
  let shared = 0;
  for (let gene = 0; gene < shifts.length; gene += 1) {
    const target = targets[gene]!;
    if (Number.isNaN(target)) continue;
    shared += 1;
    shifts[gene] = waterLevel(
      columns.values.subarray(columns.starts[gene], columns.starts[gene + 1]),
      log.nRows,
      target,
    );
  }
  if (shared === 0) {
    throw new HaystackError(
      "ANNDATA_INVALID",
      "The prompt and the query share no gene symbol; use the same kind of gene names in both.",
    );
  }

  return {
    X: shiftedCounts(query.X, log, shifts),
    obs: query.obs,
    var: query.var,
    uns: {
      model: DELTA_TRANSFER,
      is_baseline: 1,
      transfer: prompt.var.columns[CORRECTION] === undefined ? "delta" : "learned",
      shared_genes: shared,
      prompt_cells: prompt.X.nRows,
    },
  };
}

/**
 * The prompt's mean log1p(CP10k) for each query gene; NaN where the prompt lacks the gene. The
 * first of equal symbols counts.
 */
function targetMeans(prompt: AnnData, query: AnnData): Float64Array {
  const correction = prompt.var.columns[CORRECTION] as ArrayLike<number> | undefined;
  const means = columnMeans(logNormalise(prompt.X)).map((mean, i) =>
    Math.max(0, mean + (correction?.[i] ?? 0)),
  );
  const bySymbol = new Map<string, number>();
  prompt.var.index.forEach((gene, i) => {
    const symbol = gene.toUpperCase();
    if (!bySymbol.has(symbol)) bySymbol.set(symbol, means[i]!);
  });
  return Float64Array.from(query.var.index, (gene) => bySymbol.get(gene.toUpperCase()) ?? NaN);
}

/**
 * expm1(max(0, log + shift)) * size / 1e4 as CSR; a raised gene is non-zero in every cell that has
 * counts, one that stays keeps its counts.
 */
function shiftedCounts(X: CsrMatrix, log: CsrMatrix, shifts: Float64Array): CsrMatrix {
  const { nRows, nCols } = log;
  const sizes = librarySizes(X);
  const raised = new Float64Array(nCols);
  for (let gene = 0; gene < nCols; gene += 1)
    raised[gene] = shifts[gene]! > 0 ? Math.expm1(shifts[gene]!) / CP10K : 0;

  const row = new Float32Array(nCols);
  const fillRow = (i: number): void => {
    const size = sizes[i]!;
    for (let gene = 0; gene < nCols; gene += 1) row[gene] = raised[gene]! * size;
    for (let k = log.indptr[i]!; k < log.indptr[i + 1]!; k += 1) {
      const gene = log.indices[k]!;
      const shift = shifts[gene]!;
      const value = log.data[k]! + shift;
      if (shift === 0) row[gene] = X.data[k]!;
      else row[gene] = value > 0 ? (Math.expm1(value) / CP10K) * size : 0;
    }
  };
  const capacity = capacityNeeded(log, shifts);
  const data = new Float32Array(capacity);
  const indices = new Int32Array(capacity);
  const indptr = new Int32Array(nRows + 1);
  let end = 0;
  for (let i = 0; i < nRows; i += 1) {
    fillRow(i);
    for (let gene = 0; gene < nCols; gene += 1) {
      if (row[gene] === 0) continue;
      data[end] = row[gene]!;
      indices[end] = gene;
      end += 1;
    }
    indptr[i + 1] = end;
  }
  return { nRows, nCols, data: data.subarray(0, end), indices: indices.subarray(0, end), indptr };
}

/**
 * An upper bound of the non-zero values: every cell for raised genes, the surviving ones for the
 * others.
 */
function capacityNeeded(log: CsrMatrix, shifts: Float64Array): number {
  let capacity = 0;
  for (const shift of shifts) if (shift > 0) capacity += log.nRows;
  for (let k = 0; k < log.data.length; k += 1) {
    const shift = shifts[log.indices[k]!]!;
    if (shift <= 0 && log.data[k]! + shift > 0) capacity += 1;
  }
  return capacity;
}
