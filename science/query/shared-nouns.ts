import type { TermIndex } from "../knowledge/term-index.ts";
import { tokenise } from "../knowledge/tokens.ts";
import type { Token } from "../knowledge/tokens.ts";
import type { Meaning, Mention, Sentence } from "./mention.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * Names of cells that are not written out: of "CD4 and CD8 T cells" the first shares the noun of the
 * second, and "innate lymphoid cells type 2" has its number behind it.
 */

const JOINS = new Set("and or und oder et ou vs versus than".split(" "));
const LONGEST_SHARING = 3;
const NUMBERED = new Set(["type", "group"]);
const NUMBER = /^(?:\d{1,2}|i{1,3})$/;

export function withSharedNouns(
  mentions: readonly Mention[],
  sentence: Sentence,
  terms: TermIndex<Meaning>,
  vocabulary: Vocabulary,
): Mention[] {
  const search = { sentence, terms, vocabulary };
  return mentions
    .flatMap((mention) =>
      mention.meaning.kind === "cell_type" && !mention.misspelt
        ? [...sharing(mention, search), numbered(mention, search)]
        : [mention],
    )
    .toSorted((a, b) => a.from - b.from);
}

interface Search {
  readonly sentence: Sentence;
  readonly terms: TermIndex<Meaning>;
  readonly vocabulary: Vocabulary;
}

/** The cells in front of these that share their noun: "naive, memory and effector T cells". */
function sharing(mention: Mention, search: Search): Mention[] {
  const { tokens, text } = search.sentence;
  const found: Mention[] = [];
  let edge = startOf(mention, search);
  const firstNoun = edge < mention.from ? mention.from : mention.from + 1;
  for (;;) {
    const isJoined = JOINS.has(tokens[edge - 1]?.key ?? "");
    const gap = text.slice(tokens[edge - 1]?.end, tokens[edge]?.start);
    if (!isJoined && !(found.length > 0 && /^,\s*$/.test(gap))) return found;
    const next = memberBefore(isJoined ? edge - 1 : edge, { mention, firstNoun }, search);
    if (next === null) return found;
    found.push(next);
    edge = next.from;
  }
}

/** Where it begins with the words in front that no name has: "naive and effector CD8 T cells". */
function startOf({ from }: Mention, { sentence, vocabulary }: Search): number {
  const { tokens, taken, text } = sentence;
  for (let start = from; start > from - LONGEST_SHARING; start--) {
    const { key = "", end } = tokens[start - 1] ?? {};
    if (JOINS.has(key)) return start;
    const isOpen = taken[start - 1] !== 1 && !vocabulary.stop_words.has(key);
    if (!isOpen || /[.,;:?!()]/.test(text.slice(end, tokens[start]?.start))) break;
  }
  return from;
}

function memberBefore(
  to: number,
  { mention, firstNoun }: { readonly mention: Mention; readonly firstNoun: number },
  { sentence: { text, tokens, taken }, terms, vocabulary }: Search,
): Mention | null {
  for (let from = Math.max(0, to - LONGEST_SHARING); from < to; from++) {
    const own = tokens.slice(from, to);
    const isBroken = own.some(
      ({ end }, at) => at > 0 && /[.,;:?!()]/.test(text.slice(own[at - 1]?.end, end)),
    );
    const [first] = own;
    const isWord = first !== undefined && vocabulary.stop_words.has(first.key);
    const isType = NUMBERED.has(first?.key ?? "") && own.length > 1;
    if (taken.subarray(from, to).includes(1) || isBroken || (isWord && !isType)) continue;
    for (let noun = firstNoun; noun < mention.to; noun++) {
      const term = terms.find([...own, ...tokens.slice(noun, mention.to)]);
      if (term?.meaning.kind !== "cell_type" || term.meaning.entry === null) continue;
      if (term.meaning === mention.meaning || !isWrittenSo(own, term.text, text)) continue;
      taken.fill(1, from, to);
      return { meaning: term.meaning, name: term.text, misspelt: false, from, to };
    }
  }
  return null;
}

/** A letter alone counts as it is written: "B and T cells". */
const isWrittenSo = (own: readonly Token[], name: string, text: string): boolean =>
  own.every(
    ({ key, start, end }) =>
      key.length > 1 || /\d/.test(key) || name.includes(text.slice(start, end)),
  );

function numbered(mention: Mention, { sentence: { text, tokens, taken }, terms }: Search): Mention {
  const [word, number] = [tokens[mention.to], tokens[mention.to + 1]];
  const isNumbered =
    word !== undefined &&
    NUMBERED.has(word.key) &&
    NUMBER.test(number?.plain ?? "") &&
    !taken.subarray(mention.to, mention.to + 2).includes(1) &&
    /^\s$/.test(text.slice(tokens[mention.to - 1]?.end, word.start));
  if (!isNumbered) return mention;
  const name = text.slice(tokens[mention.from]?.start, tokens[mention.to - 1]?.end);
  for (const kind of NUMBERED) {
    const term = terms.find(tokenise(`${kind} ${number?.plain ?? ""} ${name}`));
    if (term?.meaning.kind !== "cell_type") continue;
    taken.fill(1, mention.to, mention.to + 2);
    return { ...mention, meaning: term.meaning, name: term.text, to: mention.to + 2 };
  }
  return mention;
}
