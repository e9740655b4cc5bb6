import { logChoose } from "./special-functions.ts";

/**
 * P(X >= overlap) when `drawn` of `population` items are drawn without replacement and `marked` of
 * them are marked. Equals scipy.stats.hypergeom.sf(overlap - 1, population, marked, drawn).
 */
export function hypergeometricUpperTail(
  overlap: number,
  population: number,
  marked: number,
  drawn: number,
): number {
  const lowest = Math.max(0, marked + drawn - population);
  const highest = Math.min(marked, drawn);
  if (overlap <= lowest) return 1;
  if (overlap > highest) return 0;

  const mean = (drawn * marked) / population;
  const upper = overlap > mean;
  const from = upper ? overlap : overlap - 1;
  const tail = outwardSum(from, upper ? highest : lowest, { population, marked, drawn });
  return Math.min(1, upper ? tail : 1 - tail);
}

interface Draw {
  readonly population: number;
  readonly marked: number;
  readonly drawn: number;
}

/**
 * Sum of P(X = k) for k from `from` to `to`, away from the mode, by the ratio of neighbouring
 * terms.
 */
function outwardSum(from: number, to: number, { population, marked, drawn }: Draw): number {
  const rest = population - marked;
  let term = Math.exp(
    logChoose(marked, from) + logChoose(rest, drawn - from) - logChoose(population, drawn),
  );
  let sum = term;
  if (to >= from) {
    for (let k = from; k < to; k += 1) {
      term *= ((marked - k) * (drawn - k)) / ((k + 1) * (rest - drawn + k + 1));
      sum += term;
    }
  } else {
    for (let k = from; k > to; k -= 1) {
      term *= (k * (rest - drawn + k)) / ((marked - k + 1) * (drawn - k + 1));
      sum += term;
    }
  }
  return sum;
}
