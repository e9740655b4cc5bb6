import type { Refusal } from "./api/client.ts";
import { refusalOf } from "./loading.ts";

export interface Refused {
  /** As its user knows it. */
  readonly name: string;
  readonly refusal: Refusal;
}

export interface Outcome {
  readonly of: number;
  readonly done: number;
  readonly refused: readonly Refused[];
  /** What came after a refusal of everything was not tried. */
  readonly isBrokenOff: boolean;
}

/**
 * Does the same with several things, one after the other. One that is refused keeps no other, unless
 * `isOfAll` says that the rest would be refused too.
 */
export async function eachApart<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
  work: (item: Item) => Promise<unknown>,
  isOfAll: (refusal: Refusal) => boolean = isOfNobody,
): Promise<Outcome> {
  const refused: Refused[] = [];
  let done = 0;
  for (const item of items) {
    try {
      await work(item);
      done += 1;
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      refused.push({ name: nameOf(item), refusal });
      if (isOfNobody(refusal) || isOfAll(refusal))
        return {
          of: items.length,
          done,
          refused,
          isBrokenOff: done + refused.length < items.length,
        };
    }
  }
  return { of: items.length, done, refused, isBrokenOff: false };
}

/** Nobody answers, or does not know who asks. */
const isOfNobody = ({ code }: Refusal): boolean =>
  code === "UNREACHABLE" || code === "UNAUTHENTICATED";
