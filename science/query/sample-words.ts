import { buildTermIndex } from "../knowledge/term-index.ts";
import type { TermIndex } from "../knowledge/term-index.ts";
import type { Mention, Sentence } from "./mentions.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Tissue and donor of a question. */

const DONOR = /(?:donor|patient|subject|individual|spender(?:in)?|供体|患者)(?:[ _-]?(?:id|no|nr|number|#))?[\s:#_.-]{0,3}([\p{Script=Latin}\p{N}][\p{Script=Latin}\p{N}:_-]{0,39})/giu;

const tissueIndexes = new WeakMap<Vocabulary["tissues"], TermIndex<string>>();

/** The tissue named first, in English; words inside a perturbation ("hepatocyte growth factor") do not count. */
export function readTissue({ tokens }: Sentence, perturbations: readonly Mention[], { tissues }: Vocabulary): string | null {
  const index = tissueIndexes.get(tissues) ?? buildTermIndex(tissues.flatMap(({ name, texts }) => texts.map((text) => ({ text, meaning: name }))));
  tissueIndexes.set(tissues, index);
  for (let from = 0; from < tokens.length; from++) {
    if (perturbations.some((mention) => mention.from <= from && from < mention.to)) continue;
    for (let length = Math.min(3, tokens.length - from); length > 0; length--) {
      const found = index.find(tokens.slice(from, from + length));
      if (found !== undefined) return found.meaning;
    }
  }
  return null;
}

/** The donor as the atlas writes it ("{dataset}:{donor}") where just one has that name, else as in the question; null without one. */
export function readDonor(text: string, donors: readonly string[]): string | null {
  for (const [, named = ""] of text.matchAll(DONOR)) {
    const wanted = named.toLowerCase();
    const known = donors.filter((donor) => donor.toLowerCase() === wanted || donor.toLowerCase().endsWith(`:${wanted}`));
    if (known.length === 1 && known[0] !== undefined) return known[0];
    if (known.length > 1 || /\d/.test(named)) return named;
  }
  return null;
}
