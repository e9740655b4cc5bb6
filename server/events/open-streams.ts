import { HaystackError } from "../../errors.ts";

/** Open streams are counted: so many in all, so many of one user. */
export interface OpenStreams {
  /** Counts one more; the answer counts it as closed, once. Errors: TOO_MANY_STREAMS. */
  open(owner: string): () => void;
}

export function createOpenStreams(limits: {
  readonly total: number;
  readonly perUser: number;
}): OpenStreams {
  const byOwner = new Map<string, number>();
  let total = 0;
  return {
    open(owner) {
      const own = byOwner.get(owner) ?? 0;
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
      byOwner.set(owner, own + 1);
      total += 1;
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        total -= 1;
        const left = (byOwner.get(owner) ?? 1) - 1;
        if (left === 0) byOwner.delete(owner);
        else byOwner.set(owner, left);
      };
    },
  };
}
