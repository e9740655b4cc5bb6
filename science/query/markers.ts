import type { TermIndex } from "../knowledge/term-index.ts";
import type { Meaning, Mention, Sentence } from "./mention.ts";

/**
 * Surface markers that tell cells apart: "CD8+ PD-1+ T cells", "Kit+ Sca1+ progenitors". Nobody asks
 * for them as a perturbation.
 */

/** Latin and Greek letters, at most so many that no long text is searched twice. */
const LETTERS = String.raw`[\p{Script=Latin}\p{Script=Greek}]`;
const MARKER = new RegExp(
  String.raw`(?<![\p{L}\p{N}+-])${LETTERS}{1,12}(?:-?\p{N}{1,4}${LETTERS}{0,4})?(?:\+|[-−–](?=[\s,;)])|-?(?:hi|lo|high|low|bright|dim|neg|pos|negative|positive)(?![\p{L}\p{N}]))(?=[\s,;)]|$)`,
  "gu",
);

interface Place {
  readonly from: number;
  readonly to: number;
}

export function markerPlaces({ text, tokens }: Sentence): Place[] {
  return [...text.matchAll(MARKER)].flatMap(({ 0: words, index }) => {
    const within = tokens.flatMap(({ start, end }, at) =>
      start >= index && end <= index + words.length ? [at] : [],
    );
    const [from, to] = [within[0], within.at(-1)];
    return from === undefined || to === undefined ? [] : [{ from, to: to + 1 }];
  });
}

/**
 * The mentions without those that are markers of cells; a cell type takes the markers in front of it
 * that make a narrower name of it ("CD8+ PD-1+ T cells" are CD8 T cells).
 */
export function withMarkers(
  mentions: readonly Mention[],
  sentence: Sentence,
  terms: TermIndex<Meaning>,
): Mention[] {
  const places = markerPlaces(sentence);
  const cells = mentions.filter(({ meaning }) => meaning.kind === "cell_type");
  const inFront = (mention: Place): Place[] => {
    const before: Place[] = [];
    for (let edge = mention.from; ;) {
      const next = places.find(({ to }) => to === edge);
      if (next === undefined) return before;
      before.unshift(next);
      edge = next.from;
    }
  };
  const described = new Map(cells.map((cell) => [cell, inFront(cell)]));
  const isMarker = ({ from, to, meaning, name }: Mention): boolean =>
    meaning.kind !== "cell_type" &&
    name !== null &&
    [...described.values()].flat().some((place) => place.from <= from && to <= place.to);
  return mentions.flatMap((mention) => {
    if (isMarker(mention)) {
      sentence.taken.fill(0, mention.from, mention.to);
      return [];
    }
    const [first] = described.get(mention) ?? [];
    return first === undefined
      ? mention
      : (narrowed(mention, described, sentence, terms) ?? mention);
  });
}

function narrowed(
  mention: Mention,
  described: ReadonlyMap<Mention, readonly Place[]>,
  { tokens, taken }: Sentence,
  terms: TermIndex<Meaning>,
): Mention | undefined {
  for (const { from, to } of described.get(mention) ?? []) {
    const name = [...tokens.slice(from, to), ...tokens.slice(mention.from, mention.to)];
    const term = terms.find(name);
    if (term === undefined || term.meaning.kind !== "cell_type") continue;
    taken.fill(1, from, to);
    return { ...mention, meaning: term.meaning, name: term.text };
  }
  return undefined;
}
