import { toolCompound } from "./tool-compounds.ts";
import { joined } from "./tokens.ts";
import type { Token } from "./tokens.ts";
import { vocabulary } from "./vocabularies.ts";

/**
 * Words that mean something themselves, and so are no misspelling of another: a drug, compound, gene
 * or cell line by that name, or words that the ontologies use.
 */
export function isRealName(tokens: readonly Token[]): boolean {
  const keys = Object.values(joined(tokens, "plain"));
  return (
    keys.some((key) =>
      (["drugs", "compounds", "genes", "cell-lines"] as const).some(
        (name) => vocabulary(name).find(key) !== null,
      ),
    ) ||
    keys.some((key) => toolCompound(key) !== undefined) ||
    tokens.every(isRealWord)
  );
}

const LEAST_LETTERS = 4;

/** A shorter word, or one with digits, says nothing about the others beside it. */
function isRealWord({ plain }: Token): boolean {
  if (plain.length < LEAST_LETTERS || /\d/.test(plain)) return true;
  const { singular } = joined([{ key: plain, plain, start: 0, end: 0 }]);
  return [plain, singular].some((word) => vocabulary("words").find(word) !== null);
}
