import type { CsrMatrix } from "../anndata/anndata.ts";
import { minus } from "./agreement.ts";
import { bulkProfile } from "./bulk-profile.ts";
import { geneAgreement, type GeneAgreement } from "./gene-agreement.ts";
import { testedGenes } from "./significant-genes.ts";

/**
 * The six metrics of the vcc2026 suite of Arc's cell-eval2 0.20.0, under its names (those of genes
 * without their prefix "de_wilcoxon_"), on counts. NaN where the package gives none. Perturbations
 * measured with the same controls are one panel: the package compares each with the others of it.
 */
export interface Vcc2026 extends GeneAgreement {
  /** 1 where the prediction is nearer to its own measured effect than to any other of the panel. */
  readonly pds_cosine: number;
  /** Squared error without noise over the squared effect; of a panel the ratio of sums. */
  readonly expr_mse_unbiased_capped_norm: number;
}

export const VCC2026_METRICS = [
  "pds_cosine",
  "expr_mse_unbiased_capped_norm",
  "direction_fidelity_yield_raw",
  "direction_reach_raw",
  "sig_jaccard",
  "lfc_nmae",
] as const satisfies readonly (keyof Vcc2026)[];

export interface ComparedCounts {
  readonly genes: readonly string[];
  readonly perturbation: string;
  readonly real: { readonly treated: CsrMatrix; readonly control: CsrMatrix };
  /** Its controls are those of `real` for a prediction, its own for a repeated experiment. */
  readonly pred: { readonly treated: CsrMatrix; readonly control: CsrMatrix };
}

/** What a panel needs to know of one perturbation. */
export interface PanelMember {
  /** The gene that is perturbed itself, -1 where none is. */
  readonly own: number;
  readonly agreement: GeneAgreement;
  /** Predicted profile, and the effects on it: treated minus control. */
  readonly profile: Float64Array;
  readonly predicted: Float64Array;
  readonly measured: Float64Array;
  /** Squared distance of both profiles, and of the measured one from its control; own gene left out. */
  readonly squaredDistance: number;
  readonly squaredEffect: number;
  readonly squaredErrors: {
    readonly predicted: number;
    readonly measured: number;
    readonly control: number;
  };
}

export function panelMember({ genes, perturbation, real, pred }: ComparedCounts): PanelMember {
  const own = genes.indexOf(perturbation);
  const [treated, control] = [bulkProfile(real.treated), bulkProfile(real.control)];
  const made = bulkProfile(pred.treated);
  const madeControl =
    pred.control === real.control ? control.profile : bulkProfile(pred.control).profile;
  return {
    own,
    agreement: geneAgreement({
      real: testedGenes(real.treated, real.control),
      pred: testedGenes(pred.treated, pred.control),
      genes,
      own,
    }),
    profile: made.profile,
    predicted: minus(made.profile, madeControl),
    measured: minus(treated.profile, control.profile),
    squaredDistance: squared(minus(made.profile, treated.profile), own),
    squaredEffect: squared(minus(treated.profile, control.profile), own),
    squaredErrors: {
      predicted: made.squaredError,
      measured: treated.squaredError,
      control: control.squaredError,
    },
  };
}

const squared = (values: Float64Array, except: number): number =>
  values.reduce((sum, value, at) => (at === except ? sum : sum + value * value), 0);

/** The metrics of each member of each panel, and of all of them together. */
export function vcc2026(panels: readonly (readonly PanelMember[])[]): {
  readonly each: readonly (readonly Vcc2026[])[];
  readonly whole: Vcc2026;
} {
  const errors = panels.map(expressionErrors);
  const each = panels.map((members, panel) => {
    const nearness = discrimination(members);
    return members.map(({ agreement }, at) => ({
      ...agreement,
      pds_cosine: nearness[at]!,
      expr_mse_unbiased_capped_norm: ratio(errors[panel]!.slice(at, at + 1)),
    }));
  });
  return {
    each,
    whole: { ...meanMetrics(each.flat()), expr_mse_unbiased_capped_norm: ratio(errors.flat()) },
  };
}

interface ExpressionError {
  readonly error: number;
  readonly effect: number;
}

function ratio(errors: readonly ExpressionError[]): number {
  const total = (of: keyof ExpressionError) => errors.reduce((sum, one) => sum + one[of], 0);
  return total("effect") > 0 ? total("error") / total("effect") : Number.NaN;
}

/** Mean of each metric over those that have it. */
function meanMetrics(each: readonly Vcc2026[]): Vcc2026 {
  const mean = (name: keyof Vcc2026): number => {
    const known = each.map((one) => one[name]).filter((value) => !Number.isNaN(value));
    return known.reduce((sum, value) => sum + value, 0) / known.length;
  };
  return Object.fromEntries(VCC2026_METRICS.map((name) => [name, mean(name)])) as Record<
    keyof Vcc2026,
    number
  >;
}

/**
 * Each member's squared error and squared effect, both less what sampling adds, a gene. The
 * prediction's own sampling counts at most as the measured one's, and all predictions' together at
 * most as they differ among each other: a prediction that never varies claims none.
 */
function expressionErrors(members: readonly PanelMember[]): ExpressionError[] {
  const shares = members.map(({ profile, own }) => 1 / (profile.length - (own === -1 ? 0 : 1)));
  const claims = members.map(({ squaredErrors }) =>
    Math.min(squaredErrors.predicted, squaredErrors.measured),
  );
  const claimed = claims.reduce((sum, claim, at) => sum + claim * shares[at]!, 0);
  const granted = claimed > 0 ? Math.min(1, spread(members, shares) / claimed) : 1;
  return members.map(
    ({ squaredDistance, squaredEffect, squaredErrors: { measured, control } }, at) => ({
      error: shares[at]! * (squaredDistance - granted * claims[at]! - measured),
      effect: shares[at]! * (squaredEffect - measured - control),
    }),
  );
}

/** Weighted squared deviations of the predicted profiles from their mean, gene by gene. */
function spread(members: readonly PanelMember[], shares: readonly number[]): number {
  let total = 0;
  const genes = members[0]?.profile.length ?? 0;
  for (let gene = 0; gene < genes; gene += 1) {
    const usual = members.reduce((sum, { profile }) => sum + profile[gene]!, 0) / members.length;
    let [weight, sum, squares, count] = [0, 0, 0, 0];
    members.forEach(({ profile, own }, at) => {
      if (own === gene) return;
      const [share, deviation] = [shares[at]!, profile[gene]! - usual];
      weight += share;
      sum += share * deviation;
      squares += share * deviation * deviation;
      count += 1;
    });
    if (count >= 2) total += Math.max(0, squares - (sum * sum) / weight);
  }
  return total;
}

/**
 * 1 - rank / (n - 1) of the own measured effect among all by cosine distance from the predicted one,
 * equal distances sharing their ranks; the perturbed genes of the panel are left out. NaN for a
 * panel of one, where the package says 1.
 */
function discrimination(members: readonly PanelMember[]): number[] {
  const except = new Set(members.map(({ own }) => own));
  const dot = (a: Float64Array, b: Float64Array) =>
    a.reduce((sum, value, gene) => (except.has(gene) ? sum : sum + value * b[gene]!), 0);
  const norm = (a: Float64Array) => Math.sqrt(dot(a, a));
  const norms = members.map(({ measured }) => norm(measured));
  return members.map(({ predicted }, at) => {
    if (members.length < 2) return Number.NaN;
    const length = norm(predicted);
    const distances = members.map(({ measured }, other) => {
      const lengths = length * norms[other]!;
      return lengths === 0 ? 1 : 1 - dot(predicted, measured) / lengths;
    });
    const nearer = distances.filter((distance) => distance < distances[at]!).length;
    const equal = distances.filter((distance) => distance === distances[at]!).length;
    return 1 - (nearer + (equal - 1) / 2) / (members.length - 1);
  });
}

/** Where a score cannot fall or rise further, as the package's policies have it. */
const BOUNDS: Partial<Record<keyof Vcc2026, readonly [number, number]>> = {
  expr_mse_unbiased_capped_norm: [0, 1],
  lfc_nmae: [-6, Infinity],
};

/**
 * Each metric on the scale where the mean response has 0 and a repeated experiment 1, as the
 * package scores against a baseline and a replicate. NaN where the repeated experiment is no better
 * than the mean response: then there is no scale.
 */
export function scaled(of: Vcc2026, meanResponse: Vcc2026, repeated: Vcc2026): Vcc2026 {
  const score = (name: keyof Vcc2026): number => {
    const isError = name === "lfc_nmae" || name === "expr_mse_unbiased_capped_norm";
    const range = (repeated[name] - meanResponse[name]) * (isError ? -1 : 1);
    if (!(range > 0)) return Number.NaN;
    const value = (of[name] - meanResponse[name]) / (repeated[name] - meanResponse[name]);
    const [low, high] = BOUNDS[name] ?? [-Infinity, Infinity];
    return Math.max(low, Math.min(high, value));
  };
  return Object.fromEntries(VCC2026_METRICS.map((name) => [name, score(name)])) as Record<
    keyof Vcc2026,
    number
  >;
}
