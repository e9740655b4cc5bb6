import { uniformInt } from "pure-rand/distribution/uniformInt";
import { randomStream } from "../../../science/simulate/seeded-random.ts";

/** The choices of one part of a simulation, all from one seed. */
export interface Random {
  /** Whole number in [from, to]. */
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
}

export function seededRandom(seed: number, name: string): Random {
  const stream = randomStream(seed, name);
  return {
    between: (from, to) => uniformInt(stream, from, to),
    chance: (probability) => uniformInt(stream, 1, 1_000_000) <= probability * 1_000_000,
    pick: (items) => items[uniformInt(stream, 0, items.length - 1)] ?? items[0],
  };
}
