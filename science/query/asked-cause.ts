import type { CellTypeMention, GivenMention, Sentence } from "./mention.ts";

/**
 * Questions for what brings something about, or for how much of it cells make: "What induces IFN-beta
 * in monocytes?", "Do monocytes secrete IL-6?" Cells that were given it do not answer them.
 */

const CAUSE =
  /\b(?:what(?:\s+else)?|which\s+(?!(?:[\p{L}-]+\s+)?(?:genes?|pathways?|transcripts?|programs?|factors?)\b)[\p{L}-]+(?:\s+[\p{L}-]+)?)\s+(?:(?:can|could|would|may|might|will|best)\s+)?(?:induces?|triggers?|causes?|stimulates?|elicits?|provokes?|upregulates?|increases?|stops?|prevents?|hinders?|keeps?|blocks?|inhibits?|reduces?|suppresses?|dampens?|limits?|controls?|regulates?|terminates?|counteracts?|antagoni[sz]es?)\s+(?:the\s+)?(?:(?:production|secretion|release|expression|synthesis|actions?|effects?|induction)\s+(?:of|by)\s+)?$/iu;
const MAKE =
  /^\s+(?:(?:that|which)\s+)?(?:(?:can|could|would|will|also|still|ever|themselves)\s+)*(?:makes?|produces?|secretes?|releases?|express(?:es)?|synthesi[sz]es?|generates?|produisent(?:-ils|-elles)?|s[ée]cr[èe]tent(?:-ils|-elles)?|expriment(?:-ils|-elles)?)\s+(?:(?:more|less|any|much|the|high|low|enough|their|own|some|du|de|la|le)\s+)*(?:l['’])?$/iu;
/** "Bilden Monozyten IFN-beta?" */
const MAKE_FIRST =
  /(?:^|[¿.;:?!]\s*)(?:bilden|produzieren|sezernieren|exprimieren|producen|secretan|expresan)\s+(?:die\s+|los\s+|las\s+)?$/iu;
const HOW_MUCH = /\b(?:how (?:much|little)|(?:which|what) amounts? of)\s+$/iu;
const IS = /(?:^|[.;:?!,]\s*)(?:(?:why|where|when|how)\s+)?(?:is|are|was|were)\s+$/iu;
const IS_MADE =
  /^\s+(?:\p{L}+ly\s+)?(?:produced|secreted|released|synthesi[sz]ed|(?:made|expressed|induced|upregulated)(?=\s*(?:$|[.,;:?!]|(?:in|by|on|after|when|upon|from|at|during|within)\b)))\b/iu;
/** "IL-4 expression profiles of B cells" are those after IL-4. */
const OUTPUT =
  /^[\s-]+(?:production|secretion|release|synthesis|output|(?:expression|levels?|concentrations?|abundance|signatures?|scores?|titers?|titres?)(?=\s*(?:$|[.,;:?!]|(?:in|by|within|on|across|among|of(?!\s*\d)|is|are)\b)))\b/iu;
const OUTPUT_OF =
  /(?<!\b(?:to|with|by|after|under|upon|following|given|at|of|receiv\p{L}*|add\p{L}*|adding|low|lower|high|higher|increas\p{L}*|ris\p{L}*|vari\p{L}*|different|physiological|elevated|several|saturating|optimal|small|large|trace|constant|defined|known|excess)\s(?:(?:the|an?)\s)?)(?<!\p{L})(?:expression|production|secretion|release|synthesis|levels?|concentrations?|abundance|amounts?)\s+of\s+$/iu;
/** "Release of histamine by mast cells", of any substance. */
const MADE_OF =
  /(?<!\b(?:to|of|after|by|upon|with|from|following)\s(?:the\s)?)(?<!\p{L})(?:production|secretion|release|synthesis)\s+of\s+$/iu;
const MADE_BY = /^\s+(?:by|from)\s/i;
const IN_CELLS = /^\s*(?:$|[.,;:?!]|(?:in|by|from|within|on|across|among|is|are)\b)/iu;
/** "Respond to TNF secretion" gives it. */
const GIVES =
  /\b(?:to|of|after|by|upon|with|from|following|does|do|under|at|given|receiv\p{L}*|add\p{L}*|high|higher|low|lower|increas\p{L}*|elevated|ris\p{L}*|different|vari\p{L}*|physiological)\s+(?:the\s+)?$/iu;
const AUXILIARY = /^\s+(?:do|does|did|can|could|will|would|is|are)\b/iu;
const LONGEST = 120;

/** The words that ask so; null where none do. */
export function askedCause(
  asked: CellTypeMention,
  chosen: readonly GivenMention[],
  { text, tokens }: Sentence,
): string | null {
  for (const mention of chosen) {
    const { start = 0 } = tokens[mention.from] ?? {};
    const { end = 0 } = tokens[mention.to - 1] ?? {};
    const front = text.slice(Math.max(0, start - LONGEST), start);
    const behind = text.slice(end, end + LONGEST);
    const cause = CAUSE.exec(front);
    if (cause !== null) return text.slice(start - front.length + cause.index, end);
    const between = text.slice(tokens[asked.to - 1]?.end, start);
    const ofCells =
      asked.to <= mention.from &&
      (MAKE.test(between) ||
        (between.trim() === "" && MAKE_FIRST.test(text.slice(0, tokens[asked.from]?.start))));
    if (ofCells) return text.slice(tokens[asked.from]?.start, end);
    const amount = HOW_MUCH.exec(front);
    if (amount !== null && AUXILIARY.test(behind)) return `${amount[0]}${text.slice(start, end)}`;
    const made = (IS.test(front) ? IS_MADE : GIVES.test(front) ? null : outputOf(mention))?.exec(
      behind,
    );
    if (made) return text.slice(start, end + made[0].length);
    const isMade = MADE_BY.test(behind) && MADE_OF.exec(front);
    if (isMade) return `${isMade[0]}${text.slice(start, end)}`;
    const output = outputOf(mention) !== null && IN_CELLS.test(behind) && OUTPUT_OF.exec(front);
    if (output) return `${output[0]}${text.slice(start, end)}`;
  }
  return null;
}

const outputOf = ({ meaning }: GivenMention): RegExp | null =>
  (meaning.kind === "perturbation" && meaning.entry?.kind === "cytokine") ||
  (meaning.kind === "ambiguous" && meaning.entries.every(({ kind }) => kind === "cytokine"))
    ? OUTPUT
    : null;
