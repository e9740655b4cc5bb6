import type { Knowledge } from "../knowledge/knowledge.ts";
import { knowledgeTerms } from "../knowledge/resolve.ts";
import { modifyingGene } from "./modified-response.ts";
import { isGenetic } from "./ask-back.ts";
import type { CellTypeMention, GivenMention, Sentence } from "./mention.ts";

/**
 * Questions for what something is needed for: "Is STAT1 required for the response to IFN-beta?",
 * "a STAT1-dependent response". Cells that lack it answer them, and not those that have it.
 */

const NEEDED =
  "(?:required|needed|necessary|essential|indispensable|dispensable|crucial|critical|redundant|obligatory)";
/** "Is X required for", "would X be dispensable in". */
const IS_NEEDED = new RegExp(
  `\\b(?:is|are|was|were|be|being|remains?)\\s+(?:[^.;:?!,]{1,60}?\\s)?${NEEDED}\\s+(?:for|to|in|by)\\b`,
  "i",
);
/** Behind a gene. */
const NEEDED_BEHIND = new RegExp(
  `^(?:\\s*\\p{Pd}\\s*(?:in)?depend(?:ent|ence|ently|ency)|\\s+(?:(?:in)?dependent|dependence|dependency|requirement))\\b|^\\s+(?:(?:is|are|be|was|were)\\s+)?(?:\\p{L}+\\s+)?(?:${NEEDED}\\s+(?:for|to|in)|involved in|responsible for|important for)\\b`,
  "iu",
);
/** In front of a gene. */
const NEEDS =
  /\b(?:requir(?:e|es|ed|ing)|needs?|needed|depend(?:s|ed|ent|ing|ence)?(?:\s+up)?\s*on|rel(?:y|ies|ied|iance)\s+(?:up)?on|(?:roles?|contribution|requirement|necessity|importance|involvement)\s+(?:of|for)|independent(?:ly)?\s+(?:of|from)|need\s+for|rolle\s+(?:von|des|der|spielt)|r[ôo]le\s+(?:de|du|des)|papel\s+(?:de|del)|(?:brauch|ben[öo]tig)(?:en|t)(?:\s+\S+){0,2}|n[ée]cessit(?:e|ent)(?:-ils|-elles)?|necesitan?|requieren?)\s+(?:(?:the|der|die|das|la|le|el|functional|active|intact|endogenous|autocrine|paracrine|tonic|a|an|gene|protein|transcription|factor)\s+)*(?:l['’])?$/i;
/** "What is the role of IFN-beta in monocytes?" asks what it does to them. */
const ROLE =
  /\b(?:roles? (?:of|for)|r[ôo]le (?:de|du|des)|papel (?:de|del)|rolle (?:von|spielt))\s+(?:la\s+|le\s+|el\s+|l['’])?$/i;
const IN_CELLS =
  /^\s+(?:in|on|for|dans|sur|en|sobre|bei|für|auf)\s+(?:(?!respon|reac|r[ée]pon|r[ée]ac|antwort|respuest)[\p{L}\p{N}+-]+\s+){0,3}$/iu;
const LONGEST = 60;
const LONGEST_GENE = 3;

/** The words that ask what is needed; null where none do. */
export function askedNeeded(
  asked: CellTypeMention,
  chosen: readonly GivenMention[],
  sentence: Sentence,
  knowledge: Knowledge,
): string | null {
  const { text, tokens, instructed } = sentence;
  const isInstructed = (at: number): boolean =>
    instructed.some(([from, to]) => at >= from && at < to);
  const found = IS_NEEDED.exec(text);
  if (found !== null && !isInstructed(found.index)) return found[0];
  const { geneSymbols, perturbations } = knowledgeTerms(knowledge);
  for (let from = 0; from < tokens.length; from++)
    for (let length = LONGEST_GENE; length > 0; length--) {
      const to = from + length;
      const name = tokens.slice(from, to);
      const [start, end] = [name[0]?.start ?? 0, name.at(-1)?.end ?? 0];
      if (name.length < length || isInstructed(start)) continue;
      const front = NEEDS.exec(text.slice(Math.max(0, start - LONGEST), start));
      const behind = NEEDED_BEHIND.exec(text.slice(end, end + LONGEST));
      if (front === null && behind === null) continue;
      const isNamed =
        chosen.some((each) => each.from < to && from < each.to) ||
        perturbations.find(name) !== undefined ||
        geneSymbols.at(name, text) !== undefined;
      if (isNamed && !asksWhatItDoes(from, to))
        return `${front?.[0] ?? ""}${text.slice(start, end)}${behind?.[0] ?? ""}`;
    }
  return modifyingGene(chosen, sentence, knowledge);

  function asksWhatItDoes(from: number, to: number): boolean {
    const given = chosen.find((each) => each.from < to && from < each.to && !isGenetic(each));
    if (given === undefined || !ROLE.test(text.slice(0, tokens[given.from]?.start))) return false;
    const cells = text.slice(tokens[given.to - 1]?.end, tokens[asked.from]?.start);
    return IN_CELLS.test(cells) && IS_END.test(text.slice(tokens[asked.to - 1]?.end));
  }
}
/** Nothing that the cells do is asked of. */
const IS_END = /^\s*(?:[?.!]|$|(?:from|of)\b)/;
