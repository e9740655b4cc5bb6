import type { AnnData } from "../anndata/anndata.ts";
import { takeRows } from "../prompting/csr-rows.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";
import { logNormalise } from "../statistics/normalise.ts";

/** A measured response that a prediction rests on: a perturbed group and its matched controls. */
export interface EvidencePart {
  readonly group_id: string;
  readonly control_group_id: string | null;
  /** Share in the mixture; the shares sum to 1. */
  readonly weight: number;
}

/** Per gene, in the order of the genes asked for; NaN where the prompt cells lack the gene. */
export interface PromptEvidence {
  /** Weighted mean of the groups' own differences of mean log1p(CP10k). */
  readonly delta: Float64Array;
  /**
   * Variance with which that mean stands for the asked cells: sampling of cells, and, with two
   * groups or more, what the groups differ beyond it.
   */
  readonly variance: Float64Array;
  readonly groups: number;
}

/** Effective number of groups below which they cannot disagree measurably. */
const LEAST_EFFECTIVE_GROUPS = 1.2;

/**
 * What the measured responses of the prompt say of each gene, and how far they agree. `prompt` and
 * `controls`: counts with the obs column `group_id`; without matched controls a group is compared
 * with the query cells. With shares w, differences d_k and their sampling variances v_k:
 *
 *   delta = sum w_k d_k,  sampling = sum w_k^2 v_k,  n = 1 / sum w_k^2,
 *   between = max(0, n / (n - 1) sum w_k (d_k - delta)^2 - sum w_k v_k),
 *   variance = sampling + between (1 + 1 / n)
 *
 * a method of moments as in DerSimonian and Laird (1986), for a group not among those seen.
 */
export function promptEvidence(
  genes: readonly string[],
  {
    prompt,
    controls,
    query,
    parts,
  }: {
    readonly prompt: AnnData;
    readonly controls: AnnData | null;
    readonly query: AnnData;
    readonly parts: readonly EvidencePart[];
  },
): PromptEvidence {
  const ofQuery = momentsOf(query, null);
  const seen = parts.map(({ group_id, control_group_id, weight }) => {
    const treated = momentsOf(prompt, group_id);
    const control =
      controls === null || control_group_id === null
        ? ofQuery
        : momentsOf(controls, control_group_id);
    return { treated, control, weight };
  });
  const effective = 1 / seen.reduce((sum, { weight }) => sum + weight * weight, 0);
  const delta = new Float64Array(genes.length);
  const variance = new Float64Array(genes.length);
  genes.forEach((gene, at) => {
    const symbol = geneSymbol(gene);
    let mean = 0;
    let sampling = 0;
    let own = 0;
    const differences = seen.map(({ treated, control, weight }) => {
      const t = treated.at(symbol);
      const c = control.at(symbol);
      const difference = t.mean - c.mean;
      mean += weight * difference;
      sampling += weight * weight * (t.error + c.error);
      own += weight * (t.error + c.error);
      return difference;
    });
    const spread =
      effective < LEAST_EFFECTIVE_GROUPS
        ? 0
        : (effective / (effective - 1)) *
          differences.reduce((sum, d, k) => sum + seen[k]!.weight * (d - mean) ** 2, 0);
    delta[at] = mean;
    variance[at] = sampling + Math.max(0, spread - own) * (1 + 1 / effective);
  });
  return { delta, variance, groups: seen.length };
}

interface Moments {
  /** Mean log1p(CP10k) of a gene and the variance of that mean; NaN for a gene that is not there. */
  at(symbol: string): { readonly mean: number; readonly error: number };
}

const ABSENT = { mean: Number.NaN, error: Number.NaN };

/** Of the cells of one group, or of all when it is null. */
function momentsOf(adata: AnnData, group: string | null): Moments {
  const groups = adata.obs.columns["group_id"] as readonly string[] | undefined;
  const rows = Int32Array.from(adata.obs.index.keys()).filter(
    (row) => group === null || groups?.[row] === group,
  );
  const log = logNormalise(takeRows(adata.X, rows));
  const sum = new Float64Array(log.nCols);
  const squares = new Float64Array(log.nCols);
  log.data.forEach((value, k) => {
    const gene = log.indices[k]!;
    sum[gene]! += value;
    squares[gene]! += value * value;
  });
  const position = new Map<string, number>();
  adata.var.index.forEach((gene, i) => {
    const symbol = geneSymbol(gene);
    if (!position.has(symbol)) position.set(symbol, i);
  });
  const n = log.nRows;
  return {
    at(symbol) {
      const gene = position.get(symbol);
      if (gene === undefined || n === 0) return ABSENT;
      const mean = sum[gene]! / n;
      return { mean, error: Math.max(0, squares[gene]! / n - mean * mean) / n };
    },
  };
}
