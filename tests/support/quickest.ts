const TRIES = 5;

/**
 * The shortest of at most five times, in milliseconds; no more are tried once one is below the
 * bound. A busy machine delays some, a slow program all.
 */
export async function quickest(
  bound: number,
  measure: (attempt: number) => number | Promise<number>,
): Promise<number> {
  let shortest = Infinity;
  for (let attempt = 1; attempt <= TRIES && shortest >= bound; attempt++)
    shortest = Math.min(shortest, await measure(attempt));
  return shortest;
}
