/** A Map of V8 holds no more entries than this. */
const MOST = 2 ** 24;

/**
 * A map of any number of texts: what does not fit into one Map goes to the next. Of values that are
 * never undefined.
 */
export class LargeMap<Value> {
  readonly #most: number;
  readonly #maps: Map<string, Value>[] = [new Map()];

  /** `most`: entries of one Map, for tests. */
  constructor(most = MOST) {
    this.#most = most;
  }

  get size(): number {
    return this.#maps.reduce((total, { size }) => total + size, 0);
  }

  get(key: string): Value | undefined {
    for (const map of this.#maps) {
      const found = map.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  set(key: string, value: Value): void {
    for (const map of this.#maps) if (map.has(key)) return void map.set(key, value);
    const last = this.#maps.at(-1);
    if (last !== undefined && last.size < this.#most) last.set(key, value);
    else this.#maps.push(new Map([[key, value]]));
  }

  /** In the order in which they came. */
  *entries(): Generator<[string, Value]> {
    for (const map of this.#maps) yield* map;
  }
}
