import { isMixture, isOrigin } from "./choose-mention.ts";
import type { CellTypeMention, Sentence } from "./mention.ts";
import type { Vocabulary } from "./vocabulary.ts";

const DIFFERENTIATED = /\bdifferentiated from (?:\p{L}+ )?$/iu;
const WITHIN = /(?<!\b(?:and|or|than|to|with|versus|vs|from)\s)\b(?:in|of|within)\s+$/i;
const BESIDE_OTHERS = /^\s*,?\s*(?:and|or|than|to|with|versus|vs)\b/i;
/** Cells that others are in ("CD4 T cells in PBMC", "PBMC monocytes") or come from are not compared with them. */
export function comparableCells(
  cells: readonly CellTypeMention[],
  sentence: Sentence,
  vocabulary: Vocabulary,
): readonly CellTypeMention[] {
  const { text, tokens } = sentence;
  const isAround = ({ from, to }: CellTypeMention): boolean =>
    WITHIN.test(text.slice(0, tokens[from]?.start)) &&
    !BESIDE_OTHERS.test(text.slice(tokens[to - 1]?.end));
  const isBeforeCells = ({ to }: CellTypeMention): boolean =>
    cells.some(({ from }) => from === to) &&
    !/[,;/&+]/.test(text.slice(tokens[to - 1]?.end, tokens[to]?.start));
  return cells.filter(
    (each) =>
      !(isMixture(each, vocabulary) && (isAround(each) || isBeforeCells(each))) &&
      !isOrigin(each, sentence) &&
      !DIFFERENTIATED.test(text.slice(0, tokens[each.from]?.start)),
  );
}
