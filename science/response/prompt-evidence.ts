import type { AnnData } from "../anndata/anndata.ts";
import { momentsByGroup, pooledVariance, varianceOf, type Moments } from "./group-moments.ts";

/** A measured response that a prediction rests on: a perturbed group and its matched controls. */
export interface EvidencePart {
  readonly group_id: string;
  readonly control_group_id: string | null;
  /** Share in the mixture; the shares sum to 1. */
  readonly weight: number;
}

/** The cells behind it. */
export interface MeasuredPart {
  readonly treated: Moments;
  readonly control: Moments;
  readonly weight: number;
}

/** Per gene, in the order of the genes asked for; NaN where the prompt cells lack the gene. */
export interface PromptEvidence {
  /** Weighted mean of the groups' own differences of mean log1p(CP10k). */
  readonly delta: Float64Array;
  /**
   * Variance with which that mean stands for the asked cells: sampling of cells, and what groups
   * differ beyond it. Infinite where nothing is known of it.
   */
  readonly variance: Float64Array;
  /** Variance of one perturbed cell. */
  readonly treatedVariance: Float64Array;
  /** Groups with cells. */
  readonly groups: number;
}

/**
 * What the measured responses of the prompt say of each gene, and how far they agree. `prompt` and
 * `controls`: counts with the obs column `group_id`; without matched controls a group is compared
 * with the query cells. A group without cells says nothing and is left out.
 */
export function promptEvidence(
  genes: readonly string[],
  {
    prompt,
    controls,
    query,
    parts,
    reading,
  }: {
    readonly prompt: AnnData;
    readonly controls: AnnData | null;
    readonly query: AnnData;
    readonly parts: readonly EvidencePart[];
    /** The prompt cells are the asked cells under the asked perturbation: another group is not meant. */
    readonly reading: boolean;
  },
): PromptEvidence {
  const ofPrompt = momentsByGroup(prompt, genes);
  const ofControls = controls === null ? null : momentsByGroup(controls, genes);
  const ofQuery = momentsByGroup(query, genes).get("");
  const seen = parts.flatMap(({ group_id, control_group_id, weight }) => {
    const treated = ofPrompt.get(group_id);
    const control =
      ofControls === null || control_group_id === null ? ofQuery : ofControls.get(control_group_id);
    return treated === undefined || control === undefined ? [] : [{ treated, control, weight }];
  });
  return evidenceOf(genes.length, seen, {
    others: ofQuery === undefined ? [] : [ofQuery],
    reading,
  });
}

/**
 * With shares w, differences d_k and their sampling variances v_k:
 *
 *   delta = sum w_k d_k,  sampling = sum w_k^2 v_k,  n = 1 / sum w_k^2,
 *   b = max(0, n / (n - 1) sum w_k (d_k - delta)^2 - sum w_k v_k)
 *
 * the method of moments of DerSimonian and Laird (1986). Of few groups b is hardly known, so it
 * counts as n - 1 groups do against one that differs by what genes of this size usually do:
 *
 *   between = (1 - 1 / n) b + c delta^2 / n,  c = sum over genes of b / sum over genes of delta^2,
 *   variance = sampling + between (1 + 1 / n)
 *
 * for a group not among those seen. Of a single group c is not known and counts as 1: another group
 * may as well not respond at all. `others`: further cells that show how genes vary. `reading`: the
 * asked group is among those seen, and the variance is that of sampling.
 */
export function evidenceOf(
  genes: number,
  parts: readonly MeasuredPart[],
  { others, reading = false }: { readonly others: readonly Moments[]; readonly reading?: boolean },
): PromptEvidence {
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  if (!(total > 0)) {
    const unknown = (value: number) => new Float64Array(genes).fill(value);
    return {
      delta: unknown(Number.NaN),
      variance: unknown(Number.NaN),
      treatedVariance: unknown(Number.NaN),
      groups: 0,
    };
  }
  const pooled = pooledVariance([
    ...new Set([...parts.flatMap(({ treated, control }) => [treated, control]), ...others]),
  ]);
  const seen = parts.map(({ treated, control, weight }) => ({
    share: weight / total,
    treated,
    control,
    ofTreated: varianceOf(treated, pooled),
    ofControl: varianceOf(control, pooled),
  }));
  const n = 1 / seen.reduce((sum, { share }) => sum + share * share, 0);
  const delta = new Float64Array(genes);
  const sampling = new Float64Array(genes);
  const between = new Float64Array(genes);
  const treatedVariance = new Float64Array(genes);
  for (let gene = 0; gene < genes; gene += 1) {
    let own = 0;
    for (const { share, treated, control, ofTreated, ofControl } of seen) {
      const error = ofTreated[gene]! / treated.cells + ofControl[gene]! / control.cells;
      delta[gene]! += share * (treated.mean[gene]! - control.mean[gene]!);
      sampling[gene]! += share * share * error;
      own += share * error;
      treatedVariance[gene]! += share * ofTreated[gene]!;
    }
    if (reading || seen.length === 1) continue;
    const spread = seen.reduce(
      (sum, { share, treated, control }) =>
        sum + share * (treated.mean[gene]! - control.mean[gene]! - delta[gene]!) ** 2,
      0,
    );
    between[gene] = Math.max(0, (n / (n - 1)) * spread - own);
  }
  const usual = seen.length === 1 ? 1 : usualSpread(between, delta);
  const ofAnother = (value: number, gene: number): number =>
    value + ((1 - 1 / n) * between[gene]! + (usual * delta[gene]! ** 2) / n) * (1 + 1 / n);
  return {
    delta,
    variance: reading ? sampling : sampling.map(ofAnother),
    treatedVariance,
    groups: seen.length,
  };
}

/** How much of a squared response groups differ by, over all genes; 1 where no gene responds. */
function usualSpread(between: Float64Array, delta: Float64Array): number {
  let spread = 0;
  let size = 0;
  delta.forEach((value, gene) => {
    if (!Number.isFinite(value) || !Number.isFinite(between[gene]!)) return;
    spread += between[gene]!;
    size += value * value;
  });
  return size > 0 ? spread / size : 1;
}
