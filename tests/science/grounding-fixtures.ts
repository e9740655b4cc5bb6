import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { deltaTransfer } from "../../science/inference/delta-transfer.ts";
import type { Knowledge } from "../../science/knowledge/knowledge.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { librarySizes, logNormalise } from "../../science/statistics/normalise.ts";
import { selectCells } from "../support/kang.ts";
import type { KangCellType } from "../support/kang.ts";

/** The question how `cellType` responds, expecting what the knowledge says, or nothing for null. */
export function question(
  knowledge: Knowledge,
  perturbationId: string | null,
  cellType = "cells",
): StructuredQuery {
  const entry = knowledge.perturbations.find(({ id }) => id === perturbationId);
  if (perturbationId !== null && entry === undefined)
    throw new Error(`The knowledge has no perturbation ${perturbationId}.`);
  const source = entry?.source ?? "";
  return {
    task_type: "perturbational",
    cell_type: {
      name: cellType,
      cell_ontology_id: null,
      matched_text: cellType,
      match: "exact",
      atlas_labels: [cellType],
    },
    perturbation: {
      id: entry?.id ?? null,
      name: entry?.name ?? "something new",
      kind: entry?.kind ?? "unknown",
      external_ids: {},
      matched_text: "",
      match: "exact",
      atlas_labels: [],
      targets: entry?.targets.map(({ gene }) => gene) ?? [],
    },
    expected_targets:
      entry?.response.map(({ gene, direction }) => ({ gene, direction, source })) ?? [],
    expected_pathways:
      entry?.pathways.map(({ id, direction }) => ({
        id,
        name: knowledge.pathways.find((pathway) => pathway.id === id)?.name ?? id,
        direction,
        source,
      })) ?? [],
    dose: null,
    time: null,
    tissue: null,
    donor: null,
    ambiguities: [],
    control_strategy_fallback: null,
    understood_by: "rules",
  };
}

export interface WithheldCellType {
  readonly query: AnnData;
  readonly truth: AnnData;
  readonly prompt: AnnData;
  readonly controlPrompt: AnnData;
  readonly prediction: AnnData;
  readonly reference: AnnData;
}

/** Everything about predicting one cell type of the Kang data from the others. */
export function withhold(kang: AnnData, cellType: KangCellType): WithheldCellType {
  const query = selectCells(kang, (cell) => cell.cellType === cellType && !cell.treated);
  const truth = selectCells(kang, (cell) => cell.cellType === cellType && cell.treated);
  const prompt = selectCells(kang, (cell) => cell.cellType !== cellType && cell.treated);
  const controlPrompt = selectCells(kang, (cell) => cell.cellType !== cellType && !cell.treated);
  return {
    query,
    truth,
    prompt,
    controlPrompt,
    prediction: deltaTransfer(prompt, query),
    reference: deltaTransfer(controlPrompt, query),
  };
}

export function permutation(n: number, seed: number): number[] {
  const random = xoroshiro128plus(seed);
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i -= 1) {
    const j = uniformInt(random, 0, i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/**
 * The reference plus `factor` times the response of gene `source[gene]`, cell by cell in
 * log1p(CP10k), clipped at 0.
 */
export function distort(
  prediction: AnnData,
  reference: AnnData,
  source: readonly number[],
  factor: number,
): AnnData {
  const predicted = logNormalise(prediction.X);
  const base = logNormalise(reference.X);
  const sizes = librarySizes(reference.X);
  const { nRows, nCols } = base;
  const data: number[] = [];
  const indices: number[] = [];
  const indptr = new Int32Array(nRows + 1);
  for (let row = 0; row < nRows; row += 1) {
    const delta = new Float64Array(nCols);
    const value = new Float64Array(nCols);
    for (let k = predicted.indptr[row]!; k < predicted.indptr[row + 1]!; k += 1)
      delta[predicted.indices[k]!]! += predicted.data[k]!;
    for (let k = base.indptr[row]!; k < base.indptr[row + 1]!; k += 1) {
      delta[base.indices[k]!]! -= base.data[k]!;
      value[base.indices[k]!] = base.data[k]!;
    }
    for (let gene = 0; gene < nCols; gene += 1) {
      const moved = value[gene]! + factor * delta[source[gene]!]!;
      if (moved <= 0) continue;
      data.push((Math.expm1(moved) * sizes[row]!) / 1e4);
      indices.push(gene);
    }
    indptr[row + 1] = data.length;
  }
  return {
    ...reference,
    X: { nRows, nCols, data: Float32Array.from(data), indices: Int32Array.from(indices), indptr },
  };
}

/** The same matrix with its genes under each other's names. */
export function relabelGenes(adata: AnnData, names: readonly number[]): AnnData {
  const data = new Float32Array(adata.X.data.length);
  const indices = new Int32Array(data.length);
  for (let row = 0; row < adata.X.nRows; row += 1) {
    const start = adata.X.indptr[row]!;
    const renamed = Array.from(
      adata.X.indices.subarray(start, adata.X.indptr[row + 1]),
      (gene, i) => ({ gene: names[gene]!, value: adata.X.data[start + i]! }),
    );
    renamed
      .toSorted((a, b) => a.gene - b.gene)
      .forEach(({ gene, value }, i) => {
        indices[start + i] = gene;
        data[start + i] = value;
      });
  }
  return { ...adata, X: { ...adata.X, data, indices } };
}
