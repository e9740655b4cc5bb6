import { createHash } from "node:crypto";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

export type RandomStream = RandomGenerator;

/** An independent stream for each name under one seed: what is drawn elsewhere never shifts it. */
export function randomStream(seed: number, name: string): RandomStream {
  const digest = createHash("sha256").update(`${seed}/${name}`).digest();
  return xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => digest.readInt32LE(offset)));
}

/** Uniform in (0, 1), 32 bits of randomness. */
export function uniform(random: RandomStream): number {
  return ((random.next() >>> 0) + 0.5) / 2 ** 32;
}

/** Standard normal (Box-Muller, one of the pair). */
export function normal(random: RandomStream): number {
  return Math.sqrt(-2 * Math.log(uniform(random))) * Math.cos(2 * Math.PI * uniform(random));
}

/** Poisson by the normal approximation, for means above 30. */
export function largePoisson(random: RandomStream, mean: number): number {
  return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
}

/**
 * Logarithmic series variate, >= 1, parameter p in (0, 1) given as log(1 - p) (Kemp 1981, algorithm
 * LK).
 */
export function logarithmic(random: RandomStream, p: number, logOneMinusP: number): number {
  const v = uniform(random);
  if (v >= p) return 1;
  const q = 1 - Math.exp(logOneMinusP * uniform(random));
  if (v <= q * q) return Math.floor(1 + Math.log(v) / Math.log(q));
  return v <= q ? 2 : 1;
}

/** `n` of the numbers 0 .. size - 1 without replacement, ascending (partial Fisher-Yates). */
export function drawWithoutReplacement(random: RandomStream, size: number, n: number): Int32Array {
  if (n > size) throw new RangeError(`Cannot draw ${n} of ${size} without replacement.`);
  const order = Int32Array.from({ length: size }, (_, i) => i);
  for (let i = 0; i < n; i += 1) {
    const j = uniformInt(random, i, size - 1);
    const picked = order[j]!;
    order[j] = order[i]!;
    order[i] = picked;
  }
  return order.subarray(0, n).toSorted();
}
