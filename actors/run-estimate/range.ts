import { quantile } from "../../science/statistics/quantile.ts";
import { ASSUMED_SPREAD } from "./assumptions.ts";

/** A value, and what it hardly falls below or exceeds. */
export interface Range {
  readonly low: number;
  readonly likely: number;
  readonly high: number;
}

/** With so many values their own 5% and 95% are told, with fewer at least what is assumed. */
export const ENOUGH = 10;

export const around = (likely: number): Range => ({
  low: likely * ASSUMED_SPREAD.low,
  likely,
  high: likely * ASSUMED_SPREAD.high,
});

/** Of what was measured: at least one value. */
export function rangeOf(values: readonly number[]): Range {
  const sorted = Float64Array.from(values).toSorted();
  const at = (share: number): number => quantile(sorted, share);
  if (values.length >= ENOUGH) return { low: at(0.05), likely: at(0.5), high: at(0.95) };
  const { low, likely, high } = around(at(0.5));
  return { low: Math.min(low, at(0)), likely, high: Math.max(high, at(1)) };
}

export const combined = (
  one: Range,
  other: Range,
  by: (one: number, other: number) => number,
): Range => ({
  low: by(one.low, other.low),
  likely: by(one.likely, other.likely),
  high: by(one.high, other.high),
});

export const product = (one: Range, other: Range): Range => combined(one, other, (a, b) => a * b);
export const sum = (one: Range, other: Range): Range => combined(one, other, (a, b) => a + b);
export const exactly = (value: number): Range => ({ low: value, likely: value, high: value });
