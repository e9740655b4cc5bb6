import type { TermIndex } from "../knowledge/term-index.ts";
import type { Meaning, Mention, Sentence } from "./mention.ts";

/** "IL-12/15/18": numbers behind a numbered name are further names of its kind. */
export function withNumbered(
  mentions: readonly Mention[],
  { text, tokens, taken }: Sentence,
  terms: TermIndex<Meaning>,
): Mention[] {
  return mentions.flatMap((mention) => {
    const { from, to } = mention;
    const isNumbered = mention.meaning.kind !== "cell_type" && isNumber(tokens[to - 1]?.key);
    if (!isNumbered || to - from < 2) return mention;
    const stem = tokens.slice(from, to - 1);
    const further: Mention[] = [];
    for (let at = to; isNumber(tokens[at]?.key) && taken[at] === 0; at++) {
      const number = tokens[at];
      const gap = text.slice(tokens[at - 1]?.end, number?.start);
      if (number === undefined || !/^\s?\/\s?-?$/.test(gap)) break;
      const term = terms.find([...stem, number]);
      const label = `${text.slice(stem[0]?.start, stem.at(-1)?.end)}-${number.key}`;
      taken[at] = 1;
      further.push({
        meaning: term?.meaning ?? { kind: "perturbation", entry: null, label, genetic: null },
        name: term?.text ?? label,
        misspelt: false,
        from: at,
        to: at + 1,
      });
    }
    return [mention, ...further];
  });
}

const isNumber = (key = ""): boolean => /^\d{1,3}[a-z]?$/.test(key);
