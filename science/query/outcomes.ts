import { isBareGene, isGenetic } from "./ask-back.ts";
import { isModifiedStimulus } from "./modified-response.ts";
import type { GivenMention, Mention, Sentence } from "./mention.ts";

/**
 * What a question asks a perturbation to do: "Does IFN-beta induce STAT1 activation in monocytes?" asks
 * for IFN-beta, and names STAT1 as what may change.
 */

const words = (list: string): ReadonlySet<string> => new Set(list.split(" "));
const VERBS = words(
  "induce induces induced induced cause causes trigger triggers drive drives promote promotes activate activates increase increases raise raises upregulate upregulates suppress suppresses reduce reduces lower lowers decrease decreases downregulate downregulates silence silences repress represses abolish abolishes enhance enhances elicit elicits affect affects change changes alter alters influence influences modulate modulates show shows block blocks inhibit inhibits stimulate stimulates",
);
/** What cells do by themselves: "Do monocytes secrete TNF after LPS?" */
const MAKING = words(
  "secrete secretes produce produces release releases make makes express expresses upregulate upregulates downregulate downregulates",
);
/** "Leads to STAT1 activation", "result in loss of STAT1". */
const TWO_WORDS = /^(?:lead|leads|led) to$|^(?:result|results) in$|^turns? (?:on|off)$/;
const FILLERS = words(
  "the a an of any some more less higher lower increased decreased strong expression activation phosphorylation level levels loss gain upregulation downregulation induction",
);
/** Say what was done to cells on purpose, and no outcome. */
const DONE = /knock|crispr|cas9|guide|rna|deficien|delet|\bko\b|\bkd\b|[-−–]\/[-−–]|null|lack/i;
const CAUSED =
  /^[\s-]*(?:(?:is|are|was|be)\s+)?(?:(?:caused|triggered|driven|induced|activated|increased|elicited|upregulated|downregulated)\s+)?(?:by|follows?|in response to|upon)\s+(?:an? |the )?$/i;
const INTERFERON = /^(?:type\s+\S+\s+)?(?:interferon|ifn)s?$/iu;
/** "Interferon-stimulated genes" are a set of genes, whatever the cells were given. */
const STIMULATED_GENES =
  /^[\s\p{Pd}]+(?:stimulated|response|responsive|inducible|signature)\s+(?:genes?|transcripts?|proteins?|programs?)\b/iu;
/** "Expression of chemokines such as CCL2", "inflammatory genes, for example IL-6 or CCL2". */
const EXAMPLE =
  /\b(?:expression|genes?|transcripts?|m?rnas?|secretion|production|release|levels?)\b[^.;:?!]{0,60}?(?:\b(?:for example|for instance|such as|including|like|namely)|\be\.?g\.)\s*,?\s*(?:[\w-]+\s*(?:,|\/|&|,?\s*\b(?:and|or))\s*)*$/iu;
/** "Knockout of genes such as STAT1." */
const DONE_TO =
  /\b(?:knock\w*|loss|delet\w*|silenc\w*|target\w*|guides?)\s+(?:of|against|for|to)\b[^.;:?!]*$/iu;
const REACH = 4;

/** Without the genes and cytokines that what is given may change. */
export function withoutOutcomes(mentions: readonly Mention[], sentence: Sentence): Mention[] {
  const given = mentions.filter((each): each is GivenMention => each.meaning.kind !== "cell_type");
  return mentions.filter(
    (mention) => !given.some((each) => each === mention) || !isOutcome(mention as GivenMention),
  );

  function isOutcome(mention: GivenMention): boolean {
    const { text, tokens } = sentence;
    const { start = 0 } = tokens[mention.from] ?? {};
    const { end = 0 } = tokens[mention.to - 1] ?? {};
    if (DONE.test(text.slice(start, end))) return false;
    if (isModifiedStimulus(mention, sentence)) return false;
    const others = given.filter((each) => each !== mention && each.meaning !== mention.meaning);
    const isGene = isGenetic(mention) || isBareGene(mention);
    if (
      isGene &&
      others.some(
        ({ from }) => from >= mention.to && CAUSED.test(text.slice(end, tokens[from]?.start)),
      )
    )
      return true;
    if (isExample(mention, sentence) && others.some((each) => !isExample(each, sentence)))
      return true;
    const verb = verbBefore(mention, sentence);
    if (verb === null) return false;
    const isBehind = ({ to }: Mention): boolean => to <= verb && verb - to <= REACH;
    const isGeneSet =
      INTERFERON.test(text.slice(start, end)) && STIMULATED_GENES.test(text.slice(end));
    if (others.some((each) => isBehind(each) && (isGene || isGeneSet || !isGenetic(each))))
      return true;
    const isOfCells = mentions.some(
      ({ meaning, to }) => meaning.kind === "cell_type" && to === verb,
    );
    const isMade = isGene || MAKING.has(sentence.tokens[verb]?.key ?? "");
    return isMade && isOfCells && others.some(({ from, to }) => from >= mention.to || to <= verb);
  }
}

function isExample({ from }: Mention, { text, tokens }: Sentence): boolean {
  const before = text.slice(0, tokens[from]?.start);
  return EXAMPLE.test(before) && !DONE_TO.test(before);
}

function verbBefore({ from }: Mention, { text, tokens }: Sentence): number | null {
  let index = from - 1;
  const gap = (left: number): string => text.slice(tokens[left]?.end, tokens[left + 1]?.start);
  for (let steps = 0; index >= 0 && steps <= REACH; index--, steps++) {
    if (/[.,;:?!()]/.test(gap(index))) return null;
    const key = tokens[index]?.key ?? "";
    if (TWO_WORDS.test(`${tokens[index - 1]?.key ?? ""} ${key}`)) return index - 1;
    if (VERBS.has(key) || MAKING.has(key)) return index;
    if (!FILLERS.has(key)) return null;
  }
  return null;
}
