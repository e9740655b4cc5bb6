import type { Sentence } from "./mention.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The words beside a name, and which of them were read. */

export interface Beside {
  readonly sentence: Sentence;
  readonly vocabulary: Vocabulary;
  /** Whether names, amounts or a column of the atlas have the word; in front of a name it ends there. */
  readonly isRead: (token: number) => boolean;
  /** Whether the word is said elsewhere to be from where the cells are. */
  readonly isOrigin: (token: number) => boolean;
}

export const MOST_BEHIND = 14;
const MOST_IN_FRONT = 4;

export const isName = (key: string): boolean => /^\p{Script=Latin}/u.test(key) && key.length > 1;

export function isWord(index: number, { sentence: { tokens }, vocabulary }: Beside): boolean {
  const { key = "" } = tokens[index] ?? {};
  const { stop_words, cues, negations, conjunctions } = vocabulary;
  return (
    key !== "" &&
    !/^\p{Script=Han}/u.test(key) &&
    ![stop_words, cues, negations, conjunctions].some((words) => words.has(key))
  );
}

export const gapBehind = (index: number, { text, tokens }: Sentence): string =>
  text.slice(tokens[index]?.end, tokens[index + 1]?.start);

/** Where the unread words in front of a name begin: "stem-like glioblastoma cells" at "stem". */
export function startInFront(from: number, beside: Beside): number {
  const { sentence, isRead } = beside;
  const isUnread = (index: number): boolean =>
    index >= 0 &&
    isWord(index, beside) &&
    sentence.taken[index] !== 1 &&
    !isRead(index) &&
    !/[.,;:?!()]/.test(gapBehind(index, sentence));
  let start = from;
  while (start > 0 && from - start < MOST_IN_FRONT) {
    const isCompound =
      isUnread(start - 2) &&
      !isRead(start - 1) &&
      /^\p{Pd}$/u.test(gapBehind(start - 2, sentence)) &&
      !/[.,;:?!()]/.test(gapBehind(start - 1, sentence));
    if (isUnread(start - 1)) start--;
    else if (isCompound) start -= 2;
    else break;
  }
  return start;
}
