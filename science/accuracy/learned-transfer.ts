import type { OpenAtlas } from "../atlas/atlas-index.ts";
import { pooledProfile } from "../prompting/control-similarity.ts";
import type { PromptCandidate } from "../prompting/prompt-plan.ts";
import { findQueryCells } from "../prompting/query-cells.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { pearson } from "../statistics/correlation.ts";
import type { Source, Unit } from "./measured-units.ts";
import { Ridge } from "./ridge.ts";
import { mixtureOf, shownUnits, sourcesFor, type AtlasEvidence } from "./shown-units.ts";
import type { Transfer } from "./accuracy-schema.ts";
import { mixed, weightsFor } from "./transfer.ts";

/**
 * A transfer of responses that is learned inside the atlas. For a gene, with the sources of a
 * prediction, their shares w, responses d and control levels c, and the own control level a:
 *
 *   response = sum w d + b1 mean(d) + b2 sum w d + b3 a + b4 (a - sum w c)
 *
 * b by ridge regression (Hoerl and Kennard 1970), towards delta transfer (b = 0), on the measured
 * responses of the atlas, each predicted from the others. Own control level and measured response
 * come from different halves of the control cells, in both ways: with the same cells, noise of the
 * controls would be learned as response. Left out as features because they predicted worse: the
 * variance of a gene among cells, and its dropout.
 */

/** Penalties tried, in units of the features' own squares; none is the delta transfer. */
const PENALTIES = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];
/** No left-out response may lose more Pearson than this. */
const MOST_LOST = 0.05;
const LEAST_UNITS = 3;
/** Units left out to choose the penalty: those of most cells. */
const MOST_LEFT_OUT = 12;
const FEATURES = 4;

const delta = (reason: string): Transfer => ({ kind: "delta", reason });

/** Whether to learn, decided on left-out responses of the atlas; never on the asked cells. */
export function chooseTransfer(
  query: StructuredQuery,
  candidate: PromptCandidate,
  evidence: AtlasEvidence,
): Transfer {
  if (candidate.stand_in !== undefined)
    return delta(
      "The prompt shows another perturbation, from which nothing of this one is learned.",
    );
  if (candidate.reads !== undefined)
    return delta("The answer is read from measured cells, and needs no learning.");
  const shown = shownUnits(query, candidate, evidence);
  if (
    shown === null ||
    mixtureOf(candidate, shown) === null ||
    findQueryCells(query, evidence.atlases).atlas !== shown.atlas
  )
    return delta("The cells to learn from cannot be compared with the asked ones.");
  const { units } = shown;
  const trials = units.slice(0, MOST_LEFT_OUT).flatMap((target) => leaveOut(target, units) ?? []);
  if (trials.length < LEAST_UNITS)
    return delta(
      `It takes ${LEAST_UNITS} measured responses to leave out and learn from the others; the atlas has ${trials.length}.`,
    );
  const best = PENALTIES.map((penalty, at) => ({ penalty, ...summary(trials, at) }))
    .filter(({ lost, gained, mse }) => lost <= MOST_LOST && gained >= 0 && mse < 1)
    .toSorted((a, b) => a.mse - b.mse)[0];
  if (best === undefined)
    return delta(
      `Learned inside the atlas, no transfer was better on average without a loss of more than ${MOST_LOST} in Pearson for one of ${trials.length} left-out responses.`,
    );
  return {
    kind: "learned",
    coefficients: trained(units).solve(best.penalty),
    left_out: trials.length,
    mse_ratio: best.mse,
    pearson_gain: best.gained,
    most_lost: Math.max(0, best.lost),
  };
}

/** What the learned transfer adds to the delta transfer of this prompt, gene by gene of the atlas. */
export function transferCorrection(
  query: StructuredQuery,
  candidate: PromptCandidate,
  atlases: readonly OpenAtlas[],
  coefficients: readonly number[],
): Float64Array | null {
  const shown = shownUnits(query, candidate, { atlases, halves: new Map() });
  const mixture = shown === null ? null : mixtureOf(candidate, shown);
  if (shown === null || mixture === null) return null;
  const own = pooledProfile(shown.atlas, findQueryCells(query, atlases).groups);
  return apply(featuresOf(own, mixture.sources, mixture.weights), coefficients);
}

interface Trial {
  readonly before: Fit;
  /** By penalty. */
  readonly after: readonly Fit[];
}

interface Fit {
  readonly r: number;
  readonly mse: number;
}

/** Trains without the unit and predicts it; null where that cannot be done. */
function leaveOut(target: Unit, units: readonly Unit[]): Trial | null {
  const sources = sourcesFor(target, units);
  const rest = units.filter(
    (each) => each !== target && (target.donor === null || each.donor !== target.donor),
  );
  const model = trained(rest);
  if (sources.length === 0 || model.responses < 2) return null;
  const weights = weightsFor(target, sources);
  const plain = mixed(sources, weights);
  const features = featuresOf(target.query, sources, weights);
  return {
    before: fitOf(plain, target.truth),
    after: PENALTIES.map((penalty) => {
      const correction = apply(features, model.solve(penalty));
      return fitOf(
        plain.map((value, gene) => Math.max(-target.query[gene]!, value + correction[gene]!)),
        target.truth,
      );
    }),
  };
}

/** Each unit predicted from the others, with its two halves of controls in both roles. */
function trained(units: readonly Unit[]): Ridge {
  const ridge = new Ridge(FEATURES);
  for (const unit of units) {
    const sources = sourcesFor(unit, units);
    if (sources.length === 0) continue;
    for (const each of [unit, swapped(unit)]) {
      const weights = weightsFor(each, sources);
      const plain = mixed(sources, weights);
      ridge.add(
        featuresOf(each.query, sources, weights),
        each.truth.map((value, gene) => value - plain[gene]!),
      );
    }
  }
  return ridge;
}

const made = new WeakMap<Unit, Unit>();

/** With the halves of its controls in each other's role; made once, as its profiles are compared often. */
function swapped(unit: Unit): Unit {
  const known = made.get(unit);
  if (known !== undefined) return known;
  const after = unit.delta.map((value, gene) => value + unit.control[gene]!);
  const other = {
    ...unit,
    query: after.map((value, gene) => value - unit.truth[gene]!),
    truth: after.map((value, gene) => value - unit.query[gene]!),
  };
  made.set(unit, other);
  return other;
}

function featuresOf(
  own: Float64Array,
  sources: readonly Source[],
  weights: readonly number[],
): Float64Array[] {
  const level = own.map((_, gene) =>
    sources.reduce((sum, { control }, at) => sum + weights[at]! * control[gene]!, 0),
  );
  return [
    mixed(
      sources,
      sources.map(() => 1 / sources.length),
    ),
    mixed(sources, weights),
    own,
    own.map((value, gene) => value - level[gene]!),
  ];
}

const apply = (features: readonly Float64Array[], coefficients: readonly number[]): Float64Array =>
  features[0]!.map((_, gene) =>
    coefficients.reduce((sum, b, at) => sum + b * features[at]![gene]!, 0),
  );

const fitOf = (predicted: Float64Array, truth: Float64Array): Fit => ({
  r: pearson(predicted, truth),
  mse: predicted.reduce((sum, value, gene) => sum + (value - truth[gene]!) ** 2, 0) / truth.length,
});

/** Against delta transfer: squared errors over all, mean gain and greatest loss of Pearson. */
function summary(trials: readonly Trial[], at: number) {
  const total = (of: (trial: Trial) => number) => trials.reduce((sum, trial) => sum + of(trial), 0);
  const gains = trials.map(({ before, after }) => after[at]!.r - before.r);
  return {
    mse: total(({ after }) => after[at]!.mse) / total(({ before }) => before.mse),
    gained: gains.reduce((sum, gain) => sum + gain, 0) / gains.length,
    lost: -Math.min(...gains),
  };
}
