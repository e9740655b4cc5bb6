import { solve } from "../statistics/solve.ts";

/**
 * Ridge regression without intercept: b = (X'X + penalty n S)^-1 X'y, n rows, S the diagonal of the
 * features' mean squares, so that the penalty does not depend on their units. Rows are added in
 * blocks of one response and not kept.
 */
export class Ridge {
  readonly #products: number[][];
  readonly #targets: number[];
  #responses = 0;

  constructor(features: number) {
    this.#products = Array.from({ length: features }, () =>
      Array.from({ length: features }, () => 0),
    );
    this.#targets = Array.from({ length: features }, () => 0);
  }

  get responses(): number {
    return this.#responses;
  }

  /** `features`: columns of equal length with `target`. */
  add(features: readonly Float64Array[], target: Float64Array): void {
    this.#responses += 1;
    features.forEach((one, i) => {
      this.#targets[i]! += dot(one, target);
      features.forEach((other, j) => (this.#products[i]![j]! += dot(one, other)));
    });
  }

  /** 0 for a feature that is 0 everywhere. */
  solve(penalty: number): number[] {
    const used = [...this.#products.keys()].filter((i) => this.#products[i]![i]! > 0);
    const found = solve(
      used.map((i) => used.map((j) => this.#products[i]![j]! * (i === j ? 1 + penalty : 1))),
      used.map((i) => this.#targets[i]!),
    );
    return this.#targets.map((_, i) => found[used.indexOf(i)] ?? 0);
  }
}

const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);
