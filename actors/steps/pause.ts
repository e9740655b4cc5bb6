/**
 * Pauses of a step that is of no avail yet: a quarter of the time it has been so, within bounds.
 * Times in milliseconds.
 */
export const pauseSince = (
  since: number,
  now: number,
  { first, longest }: { readonly first: number; readonly longest: number },
): number => Math.min(longest, Math.max(first, Math.round((now - since) / 4)));
