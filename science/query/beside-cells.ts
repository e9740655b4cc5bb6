import type { CellTypeMention, Sentence } from "./mention.ts";

/**
 * Other cells that the asked ones are together with ("in the presence of monocytes"), and what other cells
 * left behind: "the supernatant of LPS-treated macrophages".
 */

const CARRIER =
  "(?:conditioned (?:medium|media)|supernatants?|secretomes?|exosomes?|(?:extracellular |micro-?)vesicles?|apoptotic bodies|lysates?|[üu]e?berst[aä]e?nde?|surnageants?|sobrenadantes?)";
const MADE_BY_CELLS = new RegExp(
  String.raw`(?<!\p{L})(?<!\b(?:releas|secret|produc|shed|export|mak(?=e|ing))\p{L}*\s(?:[\p{L}-]+\s){0,2})${CARRIER}\s+(?:(?:harvested|collected|derived|obtained|released|shed|taken|produced|made)\s+)?(?:of|from|by|von|der|des|de|del|d['’])(?:\s+[\p{L}\p{N}+-]+){1,3}`,
  "iu",
);
const GIVEN_IT = new RegExp(
  String.raw`\b(?:respon\p{L}+ to|react\p{L}* to|(?:treat|expos|stimulat|incubat|cultur|grown|feed|fed)\p{L}* (?:with|to|in|by)|effects? of|given)\s+(?:(?!into?\b|secret|releas|produc)[\p{L}\p{N}+]+[\s-]){0,7}${CARRIER}\b`,
  "iu",
);
const BESIDE =
  /\b(?:in (?:the )?(?:presence|company) of|co-?cultur\p{L}* (?:with|of))\s+(?:[\p{L}-]+\s+){0,2}$/iu;
const LONGEST = 60;

/** Other cells are given it: "what does the supernatant of monocytes do to B cells". */
const TO_OTHERS = /\b(?:to|on|onto|for|auf|sur|en)\b/i;

/**
 * The words that give what other cells left behind; null where none do, as where it is what the asked
 * cells themselves make: "the secretome of macrophages after LPS".
 */
export function fromCells(
  { from: first }: CellTypeMention,
  { text, tokens, instructed }: Sentence,
): string | null {
  const asked = tokens[first]?.start ?? 0;
  for (const pattern of [MADE_BY_CELLS, GIVEN_IT]) {
    const found = pattern.exec(text);
    if (found === null) continue;
    const [words] = found;
    const { index } = found;
    const isInstructed = instructed.some(([from, to]) => index >= from && index < to);
    const isOwn =
      pattern === MADE_BY_CELLS &&
      /\sof\s/i.test(words) &&
      asked > index &&
      asked < index + words.length &&
      !TO_OTHERS.test(text);
    if (!isInstructed && !isOwn) return words;
  }
  return null;
}

/** Whether cells are named as what others are together with: "in the presence of monocytes". */
export const isBeside = ({ from }: CellTypeMention, { text, tokens }: Sentence): boolean => {
  const { start = 0 } = tokens[from] ?? {};
  return BESIDE.test(text.slice(Math.max(0, start - LONGEST), start));
};
