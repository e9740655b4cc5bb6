/** Why not, by the ids of those that failed. */
export type Failures = ReadonlyMap<string, unknown>;

/** Does the work on each, one after the other; one that fails keeps no other. */
export async function eachApart<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  idOf: (item: Item) => string,
  work: (item: Item) => Promise<unknown>,
): Promise<Failures> {
  const failures = new Map<string, unknown>();
  for await (const item of items) {
    try {
      await work(item);
    } catch (thrown) {
      failures.set(idOf(item), thrown);
    }
  }
  return failures;
}

/** The first of the failures, if there is any. */
export function rethrow(failures: Failures): void {
  for (const thrown of failures.values()) throw thrown;
}
