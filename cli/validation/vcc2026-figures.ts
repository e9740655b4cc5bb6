import type { Candidates } from "../../science/validation/panel-members.ts";
import {
  scaled,
  vcc2026,
  VCC2026_METRICS,
  type PanelMember,
  type Vcc2026,
} from "../../science/validation/vcc2026.ts";
import { panelsOf } from "./panels.ts";
import type { TargetOutcome } from "./validate-target.ts";
import type { Figure } from "./figure.ts";

type Metrics = Readonly<Record<keyof Vcc2026, Figure>>;

/** Arc's vcc2026 suite: scaled, and what the scale is made of. */
export type Vcc2026Figures = Readonly<
  Record<"scaled" | "prediction" | "mean_response" | "repeated", Metrics>
>;

const MEANINGS: Readonly<Record<keyof Vcc2026, readonly [name: string, meaning: string]>> = {
  pds_cosine: [
    "cosine discrimination",
    "1 where the predicted effect is nearer to its own measured effect than to those of other perturbations of the same cells; a dash where there is no other",
  ],
  expr_mse_unbiased_capped_norm: [
    "noise-corrected expression error",
    "squared error of the expression over the squared effect, both without what sampling adds; less is better",
  ],
  direction_fidelity_yield_raw: [
    "direction fidelity",
    "significant predicted genes whose direction is right, over the predicted or the measured ones, whichever are more",
  ],
  direction_reach_raw: [
    "direction reach",
    "share of the measured significant genes up to which the predicted order keeps nine of ten directions right",
  ],
  sig_jaccard: ["significant-set Jaccard", "significant genes of both, over those of either"],
  lfc_nmae: [
    "fold-change NMAE",
    "mean error of the log2 fold changes of the significant genes over their mean size; less is better",
  ],
};

const UNKNOWN = Object.fromEntries(VCC2026_METRICS.map((name) => [name, Number.NaN])) as Record<
  keyof Vcc2026,
  number
>;

/** Of each outcome, in their order, and over all; null where nothing was judged. */
export function vcc2026Figures(outcomes: readonly TargetOutcome[]): {
  readonly each: readonly (Vcc2026Figures | null)[];
  readonly mean: Vcc2026Figures | null;
} {
  const panels = panelsOf(outcomes);
  if (panels.length === 0) return { each: outcomes.map(() => null), mean: null };
  const metricsOf = (member: (of: Candidates) => PanelMember | null) => {
    const with_ = panels.map((panel) =>
      panel.flatMap(({ at, judged }) => {
        const found = member(judged.candidates);
        return found === null ? [] : [{ at, found }];
      }),
    );
    const { each, whole } = vcc2026(with_.map((panel) => panel.map(({ found }) => found)));
    const places = with_.flatMap((panel) => panel.map(({ at }) => at));
    return { whole, each: new Map(each.flat().map((metrics, i) => [places[i]!, metrics])) };
  };
  const prediction = metricsOf((of) => of.prediction);
  const mean = metricsOf((of) => of.mean_response);
  const repeated = metricsOf((of) => of.repeated);
  return {
    each: outcomes.map((_, at) => {
      const own = prediction.each.get(at);
      return own === undefined
        ? null
        : figuresOf(own, mean.each.get(at) ?? UNKNOWN, repeated.each.get(at) ?? UNKNOWN);
    }),
    mean: figuresOf(prediction.whole, mean.whole, repeated.whole),
  };
}

function figuresOf(prediction: Vcc2026, mean: Vcc2026, repeated: Vcc2026): Vcc2026Figures {
  const known = (metrics: Vcc2026): Metrics =>
    Object.fromEntries(
      VCC2026_METRICS.map((name) => [name, Number.isFinite(metrics[name]) ? metrics[name] : null]),
    ) as Record<keyof Vcc2026, Figure>;
  return {
    scaled: known(scaled(prediction, mean, repeated)),
    prediction: known(prediction),
    mean_response: known(mean),
    repeated: known(repeated),
  };
}

/** The suite for a page, a row a metric. */
export function vcc2026Rows(
  figures: Vcc2026Figures | null,
): { readonly metric: string; readonly meaning: string; readonly figures: readonly string[] }[] {
  if (figures === null) return [];
  const { scaled: onScale, prediction, mean_response: mean, repeated } = figures;
  return VCC2026_METRICS.map((name) => {
    const [metric, meaning] = MEANINGS[name];
    return {
      metric,
      meaning,
      figures: [onScale, prediction, mean, repeated].map((of) => of[name]?.toFixed(3) ?? "-"),
    };
  });
}
