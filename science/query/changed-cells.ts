import { knowledgeTerms } from "../knowledge/resolve.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import type { CellTypeMention, GivenMention, Sentence } from "./mention.ts";

/**
 * Genetic backgrounds and missing proteins that a question says of its cells and that are no
 * perturbation of their own: "with a STAT1 mutation", "JAK2 V617F monocytes", "dendritic cells
 * without CD1c".
 */

const wordSet = (list: string): ReadonlySet<string> => new Set(list.split(" "));
const CHANGED = wordSet(
  "mutation mutations mutant mutants mutated haploinsufficient haploinsufficiency heterozygous homozygous hemizygous polymorphism polymorphisms variant variants truncated trisomy monosomy aneuploid amplified amplification rearranged rearrangement defective deficient deficiency null allele alleles genotype transgenic dominant isogenic reconstituted",
);
/** "Gain of function", "loss of function", "knock-in". */
const PHRASES =
  /\b(?:(?:gain|loss)[- ]of[- ]function|knock(?:ed)?[- ]?in|dominant[- ]negative|add-?back)\b/i;
/** Of a gene; that of cells by a cytokine is a treatment. */
const RESCUE = /\brescue (?:of|in|with|by)\s+$/i;
const LOW = wordSet("neg low lo null");
const SUBSTITUTION = /^\p{Lu}\d{2,4}(?:\p{Lu}|fs|del)$/u;
const LACKS =
  /(?:\bwithout|\black(?:s|ing)?|\bmissing|\bdevoid of|\bnegative for|\bdeficient (?:in|for)|\bdepleted of|\bnot express(?:ing)?|\bn't express|\bdid not express|\babsence of|\bohne|\bsans|\bsin|d[ée]ficien\p{L}* (?:en|para|pour)|没有|缺乏|缺失)\s*(?:(?:any|the|a|an|functional|surface|expression of|detectable)\s+)*$/iu;
/** "Makrophagen, denen STAT1 fehlt." */
const LACKED = /^\s+(?:fehlt|fehlen)\b/i;

/** "B cells resistant to IFN-beta", but not "Are B cells resistant to IFN-beta?" */
const UNANSWERING =
  /^\s*(?:,\s*)?(?:(?:that|which)\s+(?:are|were|have become|became)\s+|made\s+|rendered\s+)?(?:resistant|insensitive|(?:de|in)-?sensiti[sz]ed|refractory|(?:un|non-?|hypo-?)responsive|tolerant|toleri[sz]ed|blind|deaf|immune)\s+to\s+(?:the\s+)?$/i;
const ARE_ASKED = /\b(?:is|are|was|were)\s+(?:\S+\s+){0,3}$/i;

/** "Without IFNAR1, how would B cells ..." */
const FIRST = /^\s*(?:without|lacking|in the absence of)\b/i;

/** "The KRAS G12C inhibitor sotorasib", "a mutant BRAF inhibitor": not the cells have it. */
const OF_INHIBITOR =
  /^[\s\p{Pd}]+(?:(?!cells?\b)[\w-]+\s+)?(?:inhibitors?|inhibition|blockers?|degraders?|hemmer|inhibiteurs?|inhibidor(?:es)?)\b/iu;

interface Said {
  readonly asked: CellTypeMention;
  readonly chosen: readonly GivenMention[];
  /** Everything given that the question names and does not negate. */
  readonly given: readonly GivenMention[];
  readonly sentence: Sentence;
}

/** The words that say so; null where nothing does. */
export function changedCells(
  { asked, chosen, given, sentence }: Said,
  knowledge: Knowledge,
): string | null {
  const { text, tokens, taken, instructed } = sentence;
  const isOpen = (index: number): boolean => {
    const { start = 0 } = tokens[index] ?? {};
    const isOfChosen = chosen.some(({ from, to }) => index >= from && index < to);
    return !isOfChosen && !instructed.some(([from, to]) => start >= from && start < to);
  };
  const quoted = (from: number, to: number): string =>
    text.slice(tokens[Math.max(0, from)]?.start, tokens[Math.min(to, tokens.length) - 1]?.end);
  for (const [index, { key, start, end }] of tokens.entries()) {
    const isOfCells = index >= asked.from && index < asked.to;
    if (!isOfCells && RESCUE.test(text.slice(0, start)) && isGene(index))
      return quoted(index - 2, index + 1);
    if (!isOpen(index)) continue;
    if (OF_INHIBITOR.test(text.slice(end))) continue;
    if (taken[index] !== 1 && CHANGED.has(key) && !isPathogen(given, index))
      return quoted(index - 1, index + 1);
    const isCode = SUBSTITUTION.test(text.slice(start, end));
    if (isCode && symbolAt(index - 1, index) && taken[index] !== 1)
      return quoted(index - 1, index + 1);
    const isLow = LOW.has(key) && index + 1 === asked.from;
    if (isLow && symbolAt(index - 1, index) && !/^cd\d/.test(tokens[index - 1]?.key ?? ""))
      return quoted(index - 1, index + 1);
    const isTold =
      index >= asked.to || FIRST.test(text) || /\p{Script=Han}/u.test(text[start - 1] ?? "");
    const lacks =
      index > 0 && (LACKS.test(text.slice(0, start)) || LACKED.test(text.slice(end))) && isTold;
    if (lacks && isPartOfCell(index)) return quoted(index - 1, index + 1);
  }
  const cells = text.slice(0, tokens[asked.from]?.start);
  for (const { from, to } of [...given, ...chosen]) {
    const between = text.slice(tokens[asked.to - 1]?.end, tokens[from]?.start);
    if (from >= asked.to && UNANSWERING.test(between) && !ARE_ASKED.test(cells))
      return quoted(asked.to, to);
  }
  const phrase = PHRASES.exec(text);
  return phrase === null ? null : phrase[0];

  function symbolAt(from: number, to: number): boolean {
    const { geneSymbols } = knowledgeTerms(knowledge);
    return from >= 0 && geneSymbols.at(tokens.slice(from, to), text) !== undefined;
  }

  /** A gene that no other cell or medium brings, or a receptor. */
  function isPartOfCell(index: number): boolean {
    const clause = /^[^.;:?!,]{0,60}/.exec(text.slice(tokens[index]?.start))?.[0] ?? "";
    if (/^(?:[\w-]+\s+){0,3}receptors?\b/i.test(clause)) return true;
    if (/^cd\d+[a-z]?$/.test(tokens[index]?.key ?? "")) return true;
    return isGene(index);
  }

  /** A symbol that names no substance, cells or marker of cells: no "GM" of GM-CSF or "T" of T cells. */
  function isGene(index: number): boolean {
    if (/^cd\d/.test(tokens[index]?.key ?? "")) return false;
    const { cellTypes, perturbations } = knowledgeTerms(knowledge);
    const names = [1, 2, 3].map((length) => tokens.slice(index, index + length));
    const isOther = names.some((name) => {
      const substance = perturbations.find(name)?.meaning;
      const isSubstance = substance !== undefined && substance.kind !== "genetic";
      return isSubstance || (name.length > 1 && cellTypes.find(name) !== undefined);
    });
    return !isOther && names.some((_, at) => symbolAt(index, index + at + 1));
  }
}

/** "SARS-CoV-2 variant" is one of the pathogen. */
const isPathogen = (given: readonly GivenMention[], index: number): boolean =>
  given.some(
    ({ meaning, to }) =>
      meaning.kind === "perturbation" && meaning.entry?.kind === "pathogen" && to === index,
  );
