import type { Knowledge } from "../knowledge/knowledge.ts";
import type { Mention, Sentence } from "./mention.ts";

/**
 * "1% oxygen" and "3% O2" are hypoxia, "60% oxygen" hyperoxia; what is near to air is neither, and no
 * substance.
 */
const OXYGEN =
  /(\d{1,3}(?:[.,]\d{1,2})?)\s?(?:%|percent|Prozent)\s?(?:oxygen|O2|O₂|Sauerstoff|oxyg[eè]ne|ox[ií]geno|氧气?)(?![\p{L}\p{N}])/giu;
/** Percent of the gas; air has 21, an incubator with 5% carbon dioxide 18 to 20. */
const HYPOXIC_BELOW = 12;
const HYPEROXIC_ABOVE = 28;

/** Finds and takes the words for the gas; the number stays an amount. */
export function findOxygen(
  { text, tokens, taken }: Sentence,
  { perturbations }: Knowledge,
): Mention[] {
  return [...text.matchAll(OXYGEN)].flatMap(({ 0: words, 1: number = "", index }): Mention[] => {
    const percent = Number(number.replace(",", "."));
    const end = index + words.length;
    const from = tokens.findLastIndex(
      (token) => token.start >= index + number.length && token.end <= end,
    );
    if (from === -1) return [];
    taken[from] = 1;
    const id = percent < HYPOXIC_BELOW ? "hypoxia" : "hyperoxia";
    const entry = perturbations.find((known) => known.id === id);
    if (entry === undefined || (percent >= HYPOXIC_BELOW && percent <= HYPEROXIC_ABOVE)) return [];
    const meaning = { kind: "perturbation", entry, label: entry.name, genetic: null } as const;
    return [{ meaning, name: entry.name, misspelt: false, from, to: from + 1 }];
  });
}
