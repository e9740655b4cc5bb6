import { gapBehind, isName, isWord, MOST_BEHIND, startInFront } from "./beside.ts";
import type { Beside } from "./beside.ts";
import { OF_GIVING } from "./cut-short.ts";
import { wordsOf } from "./mention.ts";
import type { GivenMention, Mention } from "./mention.ts";
import { quotable } from "./question-error.ts";
import type { StructuredQuery } from "./structured-query.ts";

/** "Deglycosylated IFN-beta", "IFN-beta left at room temperature": what narrows a treatment and was not read. */

type Ambiguity = StructuredQuery["ambiguities"][number];

const wordSet = (list: string): ReadonlySet<string> => new Set(list.split(" "));
const ARTICLES = wordSet("a an the to with by of under using via and from");
/** Say of any substance where it comes from and how much of it there is. */
const OF_ANY_SUBSTANCE = wordSet(
  "purified pure human murine mouse native natural synthetic exogenous soluble low high higher lower medium moderate fresh active bioactive clinical commercial physiological therapeutic repeated single daily chronic acute prolonged brief short long constant continuous optimal increasing saturating cytokine drug compound small molecule type class inhibitor agonist antagonist steroid hormone glucocorticoid ligand bacterial viral virus antibody antiviral antiinflammatory anti inflammatory growth double triple dual combined simultaneous complete full genetic gene crispr cas9",
);

/** Says of what is given what stands in front of it or in a clause behind it and was not read. */
export function unreadBesideGiven(
  mention: GivenMention,
  name: string,
  beside: Beside,
): Ambiguity[] {
  const { sentence, vocabulary, isRead, isOrigin } = beside;
  const { tokens } = sentence;
  const key = (index: number): string => tokens[index]?.key ?? "";
  const start = startInFront(mention.from, beside);
  const keys = tokens.slice(start, mention.from).map((token) => token.key);
  const isPhrase = start === 0 || ARTICLES.has(key(start - 1));
  const isSaid =
    isPhrase &&
    keys.some(
      (each) =>
        !vocabulary.stop_words.has(each) &&
        isName(each) &&
        !OF_ANY_SUBSTANCE.has(each) &&
        !each.endsWith("ly"),
    );
  const said = (part: Pick<Mention, "from" | "to">): Ambiguity => ({
    field: "perturbation",
    text: quotable(wordsOf({ ...mention, ...part }, sentence)),
    chosen: name,
    alternatives: [],
  });
  let last = endOfName(mention, beside);
  if (MADE_OF_IT.has(key(mention.to)) && !isBroken(mention.to - 1))
    for (let index = mention.to + 1; index < mention.to + MOST_BEHIND; index++) {
      if (index >= tokens.length || isBroken(index - 1) || isRead(index)) break;
      if (!isOrigin(index) && isWord(index, beside) && isName(key(index))) last = index + 1;
    }
  return [
    ...(isSaid ? [said({ from: start, to: mention.to })] : []),
    ...(last > mention.to ? [said({ from: mention.from, to: last })] : []),
  ];

  function isBroken(index: number): boolean {
    return /[.;:?!。？！；]/.test(gapBehind(index, sentence));
  }
}

/** Behind a substance they lead to what became of it. */
const MADE_OF_IT = wordSet(
  "that which whose left kept stored made rendered turned coupled conjugated fused bound linked loaded encapsulated modified aged",
);
const ASKED_OF =
  /^(?:respond|responds|responded|react|reacts|exposed|treated|stimulated|incubated|given|receive)$/;

/** "Respond to IFN-beta peptide": one more word of the name, which ends the phrase. */
function endOfName({ from, to }: GivenMention, beside: Beside): number {
  const { sentence, isRead, vocabulary } = beside;
  const { tokens } = sentence;
  const [next, behind] = [tokens[to], tokens[to + 1]];
  let before = from - 1;
  while (before > 0 && ARTICLES.has(tokens[before]?.key ?? "")) before--;
  const isPhrase = ASKED_OF.test(tokens[before]?.key ?? "") && before < from - 1;
  if (next === undefined || !isPhrase || !/^[ \p{Pd}]$/u.test(gapBehind(to - 1, sentence)))
    return to;
  const isEnd =
    behind === undefined ||
    /[.;:?!,()]/.test(gapBehind(to, sentence)) ||
    vocabulary.stop_words.has(behind.key) ||
    vocabulary.cues.has(behind.key);
  const isMore =
    isWord(to, beside) &&
    isName(next.key) &&
    !isRead(to) &&
    sentence.taken[to] !== 1 &&
    !OF_GIVING.has(next.key);
  return isMore && isEnd && !next.key.endsWith("ly") ? to + 1 : to;
}
