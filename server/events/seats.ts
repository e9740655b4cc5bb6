import { HaystackError } from "../../errors.ts";

/** Open streams are counted: so many at all, so many of one user. */
export interface Seats {
  /** The answer gives the seat back, once. Errors: TOO_MANY_STREAMS. */
  take(owner: string): () => void;
}

export function createSeats(limits: { readonly total: number; readonly perUser: number }): Seats {
  const taken = new Map<string, number>();
  let total = 0;
  return {
    take(owner) {
      const own = taken.get(owner) ?? 0;
      if (own >= limits.perUser)
        throw new HaystackError(
          "TOO_MANY_STREAMS",
          `You have ${own} open event streams, the limit for one user; close some of them.`,
        );
      if (total >= limits.total)
        throw new HaystackError(
          "TOO_MANY_STREAMS",
          "This server has reached its limit of open event streams; try again later, or poll the run itself.",
        );
      taken.set(owner, own + 1);
      total += 1;
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        total -= 1;
        const left = (taken.get(owner) ?? 1) - 1;
        if (left === 0) taken.delete(owner);
        else taken.set(owner, left);
      };
    },
  };
}
