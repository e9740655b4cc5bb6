import { loadVocabulary } from "./vocabulary.ts";
import { wordsOf } from "./mention.ts";
import type { GivenMention, Sentence } from "./mention.ts";

/**
 * What stands beside a gene that is named by its symbol alone. "SGK1 inhibitor", "mutant SGK1", "STAT1
 * rescue" and "recombinant CD86" ask for something else than what an atlas does to the gene.
 */

/** Lead from a gene to the word that says what is done: "inhibitor of the gene PLK4". */
const LINKS = new Set(["of", "the", "a", "an", "gene", "against", "von", "des", "der", "de", "la"]);
/** Speak of any perturbation. */
const OF_ANY = new Set(
  "targeting targeted perturbing edit edited editing guide guides grna grnas cells group screen".split(
    " ",
  ),
);
/** Words that name nothing elsewhere, and say beside a gene what is done to it. */
const OF_GENE = new Set(
  "recombinant protein type expression expressing expressed upregulated stimulated stimulation stimulating factor".split(
    " ",
  ),
);
/** Say what a perturbation of a gene of this effect does. */
const AGREEING = {
  gain: new Set(["upregulation", "upregulated", "induction"]),
  loss: new Set(["downregulation", "downregulated"]),
};
const BREAK = /[.;:?!,+/&()。？！；，]/;

/** The words with the gene where they say something else than `effect`; null where nothing does. */
export function saidOtherwise(
  mention: GivenMention,
  effect: keyof typeof AGREEING | undefined,
  sentence: Sentence,
): string | null {
  const { text, tokens, taken } = sentence;
  const { stop_words } = loadVocabulary();
  const gap = (left: number): string => text.slice(tokens[left]?.end, tokens[left + 1]?.start);
  const saysElse = (index: number): boolean => {
    const key = tokens[index]?.key;
    if (key === undefined || taken[index] === 1 || OF_ANY.has(key)) return false;
    if (effect !== undefined && AGREEING[effect].has(key)) return false;
    return OF_GENE.has(key) || !stop_words.has(key);
  };
  let before = mention.from - 1;
  while (before > 0 && LINKS.has(tokens[before]?.key ?? "") && !BREAK.test(gap(before))) before--;
  if (before >= 0 && !BREAK.test(gap(before)) && saysElse(before))
    return wordsOf({ ...mention, from: before }, sentence);
  let after = mention.to;
  while (tokens[after]?.key === "gene") after++;
  if (!BREAK.test(gap(after - 1)) && saysElse(after))
    return wordsOf({ ...mention, to: after + 1 }, sentence);
  return null;
}
