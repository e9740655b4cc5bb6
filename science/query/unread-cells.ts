import { gapBehind, isName, isWord, MOST_BEHIND, startInFront } from "./beside.ts";
import type { Beside } from "./beside.ts";
import { wordsOf } from "./mention.ts";
import type { CellTypeMention } from "./mention.ts";
import { quotable } from "./question-error.ts";
import type { StructuredQuery } from "./structured-query.ts";

/** "Aortic smooth muscle cells", "CD8 T cells that express PD-1": what narrows cells and was not read. */

type Ambiguity = StructuredQuery["ambiguities"][number];

const wordSet = (list: string): ReadonlySet<string> => new Set(list.split(" "));
/** Say of any cells in a dish where they come from and how they are kept, or how a question is meant. */
const OF_ANY_CELLS = wordSet(
  "fresh isolated derived obtained collected taken harvested purified cultured plated seeded grown kept maintained dish well plate sample samples donors donor still would will might could normally actually first then now also usually peripheral volunteers volunteer subjects individuals persons people together alone most likely",
);
/** Behind cells they lead to more about them. */
const LEADS = wordSet(
  "that which who whose expressing coexpressing positive pos negative neg high low bright dim sorted gated selected enriched lacking bearing carrying displaying showing undergoing arrested exhibiting characterized characterised having in at from during with after",
);
/** Lead to more about them too, and say something themselves. */
const MADE = wordSet(
  "grown kept maintained frozen trained engineered transduced transfected immortalised immortalized switched forced",
);
/** Behind cells they lead to what is asked of them. */
const ANSWERS = wordSet(
  "respond responds responding responded react reacts reacting behave behaves look looks change changes do reagieren reagiert",
);

/** Says of cells what stands in front of them or behind them and was not read. */
export function unreadBesideCells(
  asked: CellTypeMention,
  { name, match, cell_ontology_id }: StructuredQuery["cell_type"],
  beside: Beside,
): Ambiguity[] {
  const first = startInFront(asked.from, beside);
  const isVerb = AUXILIARY.test(beside.sentence.text) && first > 0 && beside.isRead(first - 1);
  const from = isVerb && first < asked.from ? first + 1 : first;
  const to = endBehind(asked.to, beside);
  const said = (text: string): Ambiguity => ({
    field: "cell_type",
    text: quotable(text),
    chosen: name,
    alternatives: [],
  });
  const isOther =
    match === "atlas_label" &&
    asked.meaning.entry !== null &&
    asked.name !== null &&
    asked.meaning.entry.id !== cell_ontology_id;
  return [
    ...(from === asked.from && !isOther
      ? []
      : [said(wordsOf({ ...asked, from }, beside.sentence))]),
    ...(to === asked.to ? [] : [said(wordsOf({ ...asked, to }, beside.sentence))]),
  ];
}

/** "Does IFN-beta kill B cells?": the word behind what is given is what it does. */
const AUXILIARY = /^\s*(?:do|does|did|can|could|will|would|may|might|should)\b/i;

/** Where what is said behind cells ends; `start` where nothing is. */
function endBehind(start: number, beside: Beside): number {
  const { sentence, isRead, isOrigin } = beside;
  const { text, tokens } = sentence;
  const key = (index: number): string => tokens[index]?.key ?? "";
  const beyond = text.slice(tokens[start - 1]?.end);
  if (SIGN_BEHIND.test(beyond) && !isRead(start))
    return start + tokens.slice(start).findIndex(({ key: each }) => SIGNS.has(each)) + 1;
  let first = start;
  while (["cell", "cells"].includes(key(first))) first++;
  if (/[.,;:?!。？！；，)]/.test(gapBehind(first - 1, sentence))) return start;
  const isState =
    (key(first) === "in" && IN_STATE.test(key(first + 1))) ||
    (key(first) === "with" && SIGNS.has(key(first + 1)));
  const isClause =
    isState ||
    LEADS.has(key(first)) ||
    MADE.has(key(first)) ||
    /[([]$/.test(gapBehind(first - 1, sentence));
  let last = start;
  let index = first;
  for (; index < tokens.length && index < start + MOST_BEHIND; index++) {
    if (index > first && /[.;:?!。？！；，,)]/.test(gapBehind(index - 1, sentence))) break;
    if (ANSWERS.has(key(index))) return last;
    if (isRead(index)) break;
    if (isOrigin(index)) continue;
    const isUnread =
      isWord(index, beside) &&
      isName(key(index)) &&
      !OF_ANY_CELLS.has(key(index)) &&
      !LEADS.has(key(index)) &&
      !/\p{L}{3}ly$/u.test(key(index));
    if (isUnread) last = index + 1;
    else if (last > start && SIGNS.has(key(index))) last = index + 1;
    else if (last === index && /^\p{Pd}$/u.test(gapBehind(index - 1, sentence))) last = index + 1;
  }
  if (isState || (isClause && !FROM_OUTSIDE.has(key(first)))) return last;
  /** "B cells ... respond": all that stands between them. */
  for (; index < tokens.length; index++) {
    if (/[.;?!。？！；]/.test(gapBehind(index - 1, sentence))) break;
    if (ANSWERS.has(key(index))) return last;
  }
  return start;
}

/** "B cells, CD27 negative". */
const SIGN_BEHIND = /^\s*,\s*[\p{L}\p{N}-]{2,10}[\s-](?:positive|negative|high|low|bright|dim)\b/u;
const IN_STATE =
  /^(?:g[012]|mitosis|interphase|quiescence|senescence|dormancy|exhaustion|apoptosis|anergy|arrest|differentiation|confluence)$/;
const SIGNS = wordSet("positive pos negative neg high hi low lo bright dim");
/** Behind an object they lead to when and where it is looked at as well. */
const FROM_OUTSIDE = wordSet("in at from during with after");
