import { joined } from "./tokens.ts";
import type { Token } from "./tokens.ts";
import { vocabulary } from "./vocabularies.ts";

const SHORTEST = 3;

/**
 * The cell line of Cellosaurus that the tokens name, as it is written there. `alone`: nothing else
 * has that name, so that it needs no "cells" behind it.
 */
export function namedLine(
  tokens: readonly Token[],
): { readonly name: string; readonly alone: boolean } | null {
  const { asWritten: key } = joined(tokens);
  if (key.length < SHORTEST || !/\p{L}/u.test(key)) return null;
  const line = vocabulary("cell-lines").find(key);
  if (line === null) return null;
  const others = (["drugs", "compounds", "genes", "words"] as const).some(
    (name) => vocabulary(name).find(key) !== null,
  );
  return { name: line.name, alone: !others && /\d/.test(key) && key.length > SHORTEST };
}
