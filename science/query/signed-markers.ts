import type { Knowledge } from "../knowledge/knowledge.ts";
import { labelResolver } from "../knowledge/resolve.ts";
import { joined, tokenise } from "../knowledge/tokens.ts";

/** Surface markers with a sign, in questions, labels and names of the ontology. */

const NAME = String.raw`(CD\d+\p{L}?|\p{Lu}[\p{Lu}\p{N}]{1,9}(?:-\p{Lu}\p{L}?|-\d)?)(?![\p{L}\p{N}])`;
const MARKER = String.raw`(?<![\p{L}\p{N}])(CD\d+\p{L}?(?=\P{L}|neg|low|lo|dim|pos|hi|bright|high)|\p{Lu}[\p{Lu}\p{N}]{1,9}(?:-\p{Lu}\p{L}?)?)`;
const MINUS = String.raw`\s?\(?[-−–]\)?(?=[\s,;)]|CD\d|$)|(?:[-\s]?(?:negative|neg|depleted|low|lo|dim))(?!\p{L}{2})`;
const PLUS = String.raw`\+{1,2}|[-\s]?(?:positive|pos|high|hi|bright)(?!\p{L})`;
const SIGNED = new RegExp(`${MARKER}(?:(${MINUS})|(${PLUS}))`, "gu");

export interface Marker {
  readonly words: string;
  /** Its gene where it has one: CD16 is FCGR3A. */
  readonly gene: string;
  readonly isThere: boolean;
}

/** The markers of `text` with a sign: "CD14+", "FCGR3A-negative", "CD56dim". */
export function signedMarkers(text: string, knowledge: Knowledge): Marker[] {
  return [...text.matchAll(SIGNED)].map(({ 0: words, 1: name = "", 2: minus }) => ({
    words,
    gene: geneOf(name, knowledge),
    isThere: minus === undefined,
  }));
}

/** The name stands for two genes, of which monocytes and NK cells have this one. */
const CD16 = "FCGR3A";

export const geneOf = (marker: string, knowledge: Knowledge): string =>
  marker.toUpperCase() === "CD16"
    ? CD16
    : (labelResolver(knowledge).geneSymbol(marker) ?? marker.toUpperCase());

/** "CD4 T cells" are CD4+, and so are cells "positive for CD4". */
const UNSIGNED = /^cd\d+[a-z]?$/;
const SAID_OF = new RegExp(
  String.raw`(?:\b(positive|sorted|gated|selected|enriched|high) (?:for|on|in|by)|\b(negative|low|depleted) (?:for|in|of)|\b(?:that|which|who)?\s*((?:co-?)?express(?:es|ing)?|bear(?:ing)?|carry(?:ing)?|displaying)|\b(lack(?:s|ing)?|without))\s+(?:(?:surface|high|the)\s+)*${NAME}`,
  "gu",
);

/** The markers that `text` says of cells in other words than a sign: "positive for CD57". */
export function saidMarkers(text: string, knowledge: Knowledge): Marker[] {
  return [...text.matchAll(SAID_OF)].map(({ 0: words, 2: low, 4: lacks, 5: name = "" }) => ({
    words,
    gene: geneOf(name, knowledge),
    isThere: low === undefined && lacks === undefined,
  }));
}

/** What a label says of markers. */
export const markersOfLabel = (label: string, knowledge: Knowledge): Marker[] => [
  ...signedMarkers(label, knowledge),
  ...tokenise(label).flatMap(({ key }): Marker[] =>
    UNSIGNED.test(key) && !/[-−–]|neg/i.test(label)
      ? [{ words: key, gene: geneOf(key.toUpperCase(), knowledge), isThere: true }]
      : [],
  ),
];

/** The words of a label that are no markers: "monocyte" of "FCGR3A+ Monocytes". */
export function withoutMarkers(label: string, knowledge: Knowledge): string {
  const signs = signedMarkers(label, knowledge);
  const rest = signs.reduce((text, { words }) => text.replace(words, " "), label);
  const words = tokenise(rest).filter(
    ({ key }) => !UNSIGNED.test(key) && key !== "cell" && key !== "cells",
  );
  return joined(words).singular;
}

/** The labels that say of a marker what `text` says of it: "FCGR3A+ Monocytes" for "CD16+ monocytes". */
export function labelsOfMarkers(
  text: string,
  labels: readonly string[],
  knowledge: Knowledge,
): string[] {
  const asked = signedMarkers(text, knowledge).filter(({ isThere }) => isThere);
  return labels.filter((label) => {
    const own = signedMarkers(label, knowledge);
    return asked.some(({ gene }) => own.some((each) => each.isThere && each.gene === gene));
  });
}
