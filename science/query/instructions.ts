import type { Mention, Sentence } from "./mention.ts";

/** A clause that tells the reader what to do or answer, instead of asking about cells. */
const INSTRUCTION =
  /\b(?:ignore|disregard|forget|override|bypass)\b[^.!?\n]*\b(?:question|rules?|instructions?|prompts?|above|previous|earlier|safety|guidelines?)\b|\b(?:set|make|return|output|answer|say|reply|respond|report|claim|pretend)\b(?: with| that)?(?: the)? (?:cell type|cell_type|perturbation|score)\b|\b(?:order|command|instruct|tell) you\b|\b(?:ignoriere|vergiss|missachte)\b|忽略|无视/iu;
const CLAUSE_END = /[.!?;\n。！？；]+(?=\s|$)|[。！？；\n]/gu;

/**
 * The mentions outside of instructions to the reader; all of them when none of a kind would be
 * left.
 */
export function withoutInstructed<Some extends Mention>(
  mentions: readonly Some[],
  sentence: Sentence,
): readonly Some[] {
  const asked = mentions.filter(outsideOf(sentence));
  return asked.length > 0 ? asked : mentions;
}

/** Whether a mention stands outside of instructions to the reader. */
export function outsideOf({ tokens, instructed }: Sentence): (mention: Mention) => boolean {
  return ({ from: token }) => {
    const start = tokens[token]?.start ?? 0;
    return !instructed.some(([from, to]) => start >= from && start < to);
  };
}

/** What is left of a text between its instructions to the reader. */
export function partsOutside(text: string): readonly string[] {
  const instructed = instructions(text);
  const starts = [0, ...instructed.map(([, to]) => to)];
  return starts.map((from, i) => text.slice(from, instructed[i]?.[0]));
}

/**
 * Where a text instructs its reader, as ranges [from, to). One that does nothing else asks by it:
 * it has none.
 */
export function instructions(text: string): readonly [number, number][] {
  const worded = clauses(text).filter(([from, to]) => /\p{L}/u.test(text.slice(from, to)));
  const instructed = worded.filter(([from, to]) => INSTRUCTION.test(text.slice(from, to)));
  return instructed.length < worded.length ? instructed : [];
}

function clauses(text: string): [number, number][] {
  const ends = [...text.matchAll(CLAUSE_END)].map((match) => match.index + match[0].length);
  const bounds = [0, ...ends, text.length];
  return bounds.slice(1).map((to, i) => [bounds[i] ?? 0, to]);
}
