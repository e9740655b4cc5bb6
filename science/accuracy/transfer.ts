import { krigingCorrelation, krigingWeights, type Observed } from "../prompting/kriging.ts";
import { groupWeights } from "../prompting/mixture.ts";
import { pearson } from "../statistics/correlation.ts";
import type { Source, Unit } from "./measured-units.ts";

/** How a left-out unit is predicted from others, as the asked cells are from their prompt. */

/** What a unit is predicted from: sources and their shares. */
export interface Transferred {
  readonly sources: readonly Source[];
  readonly weights: readonly number[];
}

/**
 * Fisher's z of the correlation to expect of a prediction for these query cells; what the asked cells
 * and a left-out unit differ in it is carried over.
 */
export type Expectation = (
  query: Float64Array,
  sources: readonly Source[],
  weights: readonly number[],
) => number;

const known = new WeakMap<Float64Array, WeakMap<Float64Array, number>>();

/** Of profiles, which are compared again and again; each pair is measured once. */
function similarity(one: Float64Array, other: Float64Array): number {
  const ofOne = known.get(one) ?? new WeakMap<Float64Array, number>();
  known.set(one, ofOne);
  const found = ofOne.get(other) ?? pearson(one, other);
  ofOne.set(other, found);
  return found;
}

const likeness = (query: Float64Array, sources: readonly Source[]): number[] =>
  sources.map(({ control }) => similarity(control, query));

const observed = (query: Float64Array, sources: readonly Source[]): Observed => ({
  toQuery: likeness(query, sources),
  between: (i, j) => similarity(sources[i]!.control, sources[j]!.control),
  cells: sources.map(({ cells }) => cells),
});

/**
 * Of cell types: the correlation that kriging itself assumes of a mixture, so that a type whose twin
 * is shown is not expected to be predicted as badly as one without.
 */
export const expectedOfTypes: Expectation = (query, sources, weights) =>
  Math.atanh(krigingCorrelation(observed(query, sources), weights));

/**
 * Of donors, who are alike as far as their responses are: these share a part S and have own parts of
 * variance e, so two correlate with S / (S + e), and a mean of k with a further one with
 * S / sqrt((S + e / k) (S + e)), as in Spearman and Brown (1910). k: 1 / sum of squared weights.
 */
export function expectedOfDonors(units: readonly Unit[]): Expectation {
  const pairs = units.flatMap((one, i) =>
    units.slice(i + 1).map((other) => similarity(one.truth, other.truth)),
  );
  const alike = pairs.reduce((sum, r) => sum + r, 0) / pairs.length;
  if (!(alike > 0 && alike < 1)) return () => 0;
  const own = (1 - alike) / alike;
  return (_query, _sources, weights) =>
    Math.atanh(1 / Math.sqrt((1 + own / effective(weights)) * (1 + own)));
}

/** Effective number of responses that a mixture with these shares is of. */
const effective = (shares: readonly number[]): number =>
  1 / shares.reduce((sum, share) => sum + share * share, 0);

/** From the one source, or from all weighted by how their controls resemble the target's. */
export function transfer(
  target: Unit,
  others: readonly Unit[],
  source: string | null,
): Transferred | null {
  if (others.length === 0) return null;
  const sources = source === null ? others : [theSource(target, others, source)];
  return { sources, weights: weightsFor(target, sources) };
}

export function weightsFor(
  target: Pick<Unit, "query" | "donor">,
  sources: readonly Unit[],
): number[] {
  if (sources.length === 1) return [1];
  if (target.donor === null) return krigingWeights(observed(target.query, sources));
  const similarities = likeness(target.query, sources);
  return groupWeights(
    sources.map(({ cellType, cells }, at) => ({ cellType, cells, similarity: similarities[at]! })),
    [1],
  );
}

export const mixed = (sources: readonly Source[], weights: readonly number[]): Float64Array =>
  sources[0]!.delta.map((_, gene) =>
    sources.reduce((sum, { delta }, at) => sum + weights[at]! * delta[gene]!, 0),
  );

function theSource(target: Unit, others: readonly Unit[], source: string): Unit {
  const same = others.find(({ cellType, donor }) => source === cellType || source === donor);
  if (same !== undefined) return same;
  const similarities = likeness(target.query, others);
  return others[similarities.indexOf(Math.max(...similarities))]!;
}
