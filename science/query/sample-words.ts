import { buildTermIndex } from "../knowledge/term-index.ts";
import type { TermIndex } from "../knowledge/term-index.ts";
import type { Stated } from "./amounts.ts";
import type { Mention, Sentence } from "./mention.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Tissue and donor of a question. */

const DONOR =
  /(?:donor|patient|subject|individual|spender(?:in)?|供体|患者)(?:[ _-]?(?:id|no|nr|number|#))?[\s:#_.-]{0,3}([\p{Script=Latin}\p{N}][\p{Script=Latin}\p{N}:_-]{0,39})/giu;

const tissueIndexes = new WeakMap<Vocabulary["tissues"], TermIndex<string>>();

/**
 * The tissues named, in English and in the order of the text; words inside a perturbation
 * ("hepatocyte growth factor") or an instruction do not count.
 */
export function readTissues(
  { tokens, text, instructed }: Sentence,
  perturbations: readonly Mention[],
  { tissues }: Vocabulary,
): Stated[] {
  const index =
    tissueIndexes.get(tissues) ??
    buildTermIndex(
      tissues.flatMap(({ name, texts }) => texts.map((known) => ({ text: known, meaning: name }))),
    );
  tissueIndexes.set(tissues, index);
  const named = new Map<string, Stated>();
  for (let from = 0; from < tokens.length; from++) {
    if (isInstructed(tokens[from]?.start ?? 0, instructed)) continue;
    if (perturbations.some((mention) => mention.from <= from && from < mention.to)) continue;
    for (let length = Math.min(3, tokens.length - from); length > 0; length--) {
      const found = index.find(tokens.slice(from, from + length));
      if (found === undefined) continue;
      if (!named.has(found.meaning))
        named.set(found.meaning, {
          value: found.meaning,
          text: text.slice(tokens[from]?.start, tokens[from + length - 1]?.end),
        });
      from += length - 1;
      break;
    }
  }
  return [...named.values()];
}

/** Cells of the "pulmonary artery" are none of the lung. */
export const isOfVessel = (tissue: Stated | undefined, { text }: Sentence): boolean => {
  if (tissue === undefined) return false;
  const behind = text.slice(text.indexOf(tissue.text) + tissue.text.length);
  return /^\s+(?:arter(?:y|ies|ial)|veins?|venous)\b/i.test(behind);
};

/**
 * The donors named: as the atlas writes one ("{dataset}:{donor}") where just one has that name,
 * else as in the question, followed by those that have it.
 */
export function readDonors(
  text: string,
  donors: readonly string[],
  instructed: Sentence["instructed"],
): Stated[] {
  const named = new Map<string, Stated>();
  for (const { 0: words, 1: name = "", index } of text.matchAll(DONOR)) {
    if (isInstructed(index, instructed)) continue;
    const wanted = name.toLowerCase();
    const known = donors.filter(
      (donor) => donor.toLowerCase() === wanted || donor.toLowerCase().endsWith(`:${wanted}`),
    );
    for (const value of meantDonors(name, known))
      if (!named.has(value)) named.set(value, { value, text: words });
  }
  return [...named.values()];
}

/** A name that several donors have is a value of its own; without a number an unknown one is none. */
function meantDonors(name: string, known: readonly string[]): readonly string[] {
  if (known.length === 1) return known;
  if (known.length > 1) return [name, ...known];
  return /\d/.test(name) ? [name] : [];
}

function isInstructed(at: number, instructed: Sentence["instructed"]): boolean {
  return instructed.some(([from, to]) => at >= from && at < to);
}
