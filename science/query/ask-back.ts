import { type ErrorCode, HaystackError } from "../../errors.ts";
import type { GeneticEffect } from "../knowledge/genetic-words.ts";
import type { Amounts } from "./amounts.ts";
import type { AtlasLabels } from "./atlas-labels.ts";
import { areCompared, areGivenAtOnce, COMPARISON, isAfterWhich } from "./alternatives.ts";
import { nameOf } from "./ambiguities.ts";
import { comparableCells } from "./compared-cells.ts";
import { wordsOf } from "./mention.ts";
import type { CellTypeMention, GivenMention, Mention, Sentence } from "./mention.ts";
import { unreadBeside } from "./given-together.ts";
import { listed, quotable } from "./question-error.ts";
import { saidOtherwise } from "./said-of-gene.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * Questions that are read, and that one prediction does not answer: a plain sentence says how to ask
 * instead. A half of what was asked is never answered for the whole.
 */

/** Why a question is asked back; nobody, a language model neither, answers a part of it instead. */
export type AskedBack =
  | "comparison"
  | "combination"
  | "background"
  | "gene"
  | "inactive"
  | "exception"
  | "need"
  | "cause"
  | "cells";
export const askedBack = (code: ErrorCode, asks: AskedBack, message: string): HaystackError =>
  new HaystackError(code, message, { details: { asks } });

const SETS =
  "cell types?|cells?|subsets?|populations?|cytokines?|drugs?|compounds?|inhibitors?|perturbations?|knock-?outs?|donors?|patients?|doses?|concentrations?|times?|tissues?|zell(?:en|typ(?:en)?)|zytokine?|stoffe?|cellules?|cytokines?|c[ée]lulas";
/** Between "which" and the set stand words that describe it, and no verb or other set. */
const DESCRIBED =
  "(?:(?!(?:genes?|pathways?|effects?|changes?|is|are|do|does|did|would|will|can|could|should)\\b)[\\w+-]+\\s+)";
/** The shortest and the longest words that ask for members: "which subsets", "which T cell subsets". */
const WHICH = ["{0,3}?", "{0,3}"].map(
  (times) =>
    new RegExp(
      `\\b(?:which|welche[rsnm]?)\\s+(?:(?:of|von)\\s+(?:the|these|those|den|diesen)\\s+)?${DESCRIBED}${times}(?:${SETS})\\b|\\b(?:what|quel(?:le)?s?|qu[ée])\\s+(?:[\\w+-]+\\s+)?(?:${SETS})\\b`,
      "i",
    ),
);
/** "Which T cells are most sensitive to ...": of genes a run says which change most. */
const SUPERLATIVE =
  /\bwh(?:ich|ose)\s+(?!(?:genes?|pathways?|transcripts?|programs?)\b)[^.?!]{0,80}\b(?:most|best|strongest|least|highest|fastest)\b/i;
/** Treated cells "compared with control" are one run, cells of patients and healthy donors are two. */
const CONTRAST = new RegExp(`${COMPARISON.source}|\\bcompared\\b|verglichen`, "i");

interface Asked {
  readonly cells: readonly CellTypeMention[];
  readonly given: readonly GivenMention[];
  readonly amounts: Pick<Amounts, "doses" | "times">;
  readonly sentence: Sentence;
}

const holding = ({ cellTypes, perturbations }: AtlasLabels): string =>
  cellTypes.length === 0
    ? ""
    : ` The atlas holds ${listed(cellTypes.map(({ label }) => label))}, given ${listed(perturbations.map(({ label }) => label))}.`;

/** Throws QUESTION_NOT_UNDERSTOOD where members of a set are to be compared. */
export function refuseComparison(
  { cells, given, amounts, sentence }: Asked,
  labels: AtlasLabels,
  vocabulary: Vocabulary,
): void {
  const { text } = sentence;
  const which = [...WHICH, SUPERLATIVE]
    .map((pattern) => pattern.exec(text))
    .find((found) => found !== null && !isWithinMention(found, [...cells, ...given], sentence));
  if (which)
    throw askedBack(
      "QUESTION_NOT_UNDERSTOOD",
      "comparison",
      `The question asks "${quotable(which[0])}", and one run predicts one cell type under one perturbation; ask about each by itself.${holding(labels)}`,
    );
  const members = cells.find((each) => isAfterWhich(each, sentence));
  if (members !== undefined)
    throw askedBack(
      "QUESTION_NOT_UNDERSTOOD",
      "comparison",
      `The question asks which ${quotable(wordsOf(members, sentence))}, and one run predicts one cell type under one perturbation; ask about each by itself.${holding(labels)}`,
    );
  const compared = [
    comparableCells(cells, sentence, vocabulary),
    areGivenAtOnce(given, sentence) ? [] : given,
  ].find((mentions) => distinct(mentions, sentence).length > 1 && areCompared(mentions, sentence));
  if (compared !== undefined)
    throw askedBack(
      "QUESTION_NOT_UNDERSTOOD",
      "comparison",
      `The question compares ${distinct(compared, sentence).join(" with ")}, and one run predicts one of them; ask about each by itself and compare the results.`,
    );
  const [first, ...more] = [amounts.doses, amounts.times].find((each) => each.length > 1) ?? [];
  if (first !== undefined && COMPARISON.test(text))
    throw askedBack(
      "QUESTION_NOT_UNDERSTOOD",
      "comparison",
      `The question compares ${[first, ...more].map(({ value }) => value).join(" with ")}, and one run predicts one of them; ask about each by itself and compare the results.`,
    );
}

interface OfOrigin {
  readonly kind: string;
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Throws QUESTION_NOT_UNDERSTOOD where cells of two origins are compared: "lupus versus healthy". */
export function refuseContrast(origins: readonly OfOrigin[], { text, tokens }: Sentence): void {
  if (!CONTRAST.test(text)) return;
  const isContrast = (left: OfOrigin, right: OfOrigin): boolean => {
    const gap = text.slice(tokens[left.to - 1]?.end, tokens[right.from]?.start);
    return CONTRAST.test(gap) || /\b(?:and|und|et|y)\b|[和与]/i.test(gap);
  };
  const origin = (kind: string): string => (kind === "disease" ? "donor_group" : kind);
  for (const same of Map.groupBy(origins, ({ kind }) => origin(kind)).values())
    for (const [at, right] of same.entries()) {
      const left = same[at - 1];
      if (left === undefined || NEVER_COMPARED.has(right.kind) || !isContrast(left, right))
        continue;
      throw askedBack(
        "QUESTION_NOT_UNDERSTOOD",
        "comparison",
        `The question compares ${quotable(left.name)} with ${quotable(right.name)}, and one run predicts cells of one origin; ask about each by itself and compare the results.`,
      );
    }
}

/** Cells have several of them at once. */
const NEVER_COMPARED = new Set(["marker", "background"]);

/** "What cell-permeable inhibitor ..." within a name is no question for members of a set. */
function isWithinMention(
  { index, 0: words }: RegExpExecArray,
  mentions: readonly Mention[],
  { tokens }: Sentence,
): boolean {
  const end = index + words.length;
  return mentions.some(
    ({ from, to }) => (tokens[from]?.start ?? 0) < end - 1 && (tokens[to - 1]?.end ?? 0) >= end,
  );
}

const distinct = (mentions: readonly Mention[], sentence: Sentence): string[] => [
  ...new Map(
    mentions.map((mention) => [
      mention.meaning.kind === "ambiguous" ? mention.meaning.label : nameOf(mention),
      wordsOf(mention, sentence),
    ]),
  ).values(),
];

/** Throws PERTURBATION_UNKNOWN: no atlas holds cells that were given all of these. */
export function refuseTogether(together: readonly GivenMention[]): never {
  const names = together.map(nameOf).join(" and ");
  throw askedBack(
    "PERTURBATION_UNKNOWN",
    "combination",
    `The question asks for ${quotable(names)} together, and no atlas holds cells that were given them together; ask about one of them.`,
  );
}

/** Throws PERTURBATION_UNKNOWN: of what is given at once one name was not read. */
export function refuseUnread(together: readonly GivenMention[], sentence: Sentence): void {
  const unread = unreadBeside(together, sentence);
  if (unread === null) return;
  const names = together.map((each) => wordsOf(each, sentence)).join(" and ");
  throw askedBack(
    "PERTURBATION_UNKNOWN",
    "combination",
    `The question gives "${quotable(unread)}" together with ${quotable(names)}, and no perturbation is known by that name; write it as in the atlas or by its usual name, or ask about ${quotable(names)} alone.`,
  );
}

const ARTICLES = new Set("a an the eine ein der die by using via".split(" "));

/**
 * Throws PERTURBATION_UNKNOWN where something is inhibited beside what is given, and nothing known
 * inhibits it: "IFN-beta while blocking STAT1", but not "the PLK4 inhibitor centrinone".
 */
export function refuseInhibited(
  inhibited: readonly Mention[],
  named: GivenMention,
  sentence: Sentence,
): void {
  const { tokens } = sentence;
  const isOfNamed = ({ from, to }: Mention): boolean => {
    const between = from < named.from ? tokens.slice(to, named.from) : tokens.slice(named.to, from);
    const isAntibody = named.from >= to && /(?:mab|cept|kinra)$/i.test(nameOf(named));
    return between.every(({ key }) => ARTICLES.has(key) || (isAntibody && key === "with"));
  };
  const beside = inhibited.find((each) => !isOfNamed(each));
  if (beside === undefined) return;
  throw askedBack(
    "PERTURBATION_UNKNOWN",
    "combination",
    `The question has "${quotable(wordsOf(beside, sentence))}" beside "${quotable(wordsOf(named, sentence))}", and nothing known does that; ask about ${quotable(wordsOf(named, sentence))} alone, or name the substance.`,
  );
}

/** Throws PERTURBATION_UNKNOWN where a gene's symbol is read, and the words beside it say something else. */
export function refuseSaidOtherwise(
  mention: GivenMention,
  effect: GeneticEffect | undefined,
  sentence: Sentence,
): void {
  if (!isGenetic(mention) || mention.name === null) return;
  const words = saidOtherwise(mention, effect, sentence);
  if (words === null) return;
  throw askedBack(
    "PERTURBATION_UNKNOWN",
    "gene",
    `"${quotable(words)}" is not known, and is not the same as "${quotable(wordsOf(mention, sentence))}" by itself; ask for the knockout, overexpression or CRISPR activation of the gene, or name a substance that acts on it.`,
  );
}

/**
 * Throws CELL_TYPE_NOT_IN_ATLAS for cells without a gene ("TLR4-/- macrophages respond to LPS"): no
 * answer about others stands for them.
 */
export function refuseBackground(
  background: readonly GivenMention[],
  named: GivenMention,
  sentence: Sentence,
): void {
  const [first] = background;
  if (first === undefined) return;
  const [changed, chosen] = isGenetic(named) ? [named, first] : [first, named];
  const cells = quotable(wordsOf(changed, sentence));
  throw askedBack(
    "CELL_TYPE_NOT_IN_ATLAS",
    "background",
    `The question asks about cells with "${cells}" that are given ${nameOf(chosen)}, and no atlas holds such cells; ask about ${nameOf(chosen)} in cells as they are, or about the genetic change alone.`,
  );
}

export const isGenetic = ({ meaning }: GivenMention): boolean =>
  meaning.kind === "perturbation" &&
  (meaning.genetic !== null || meaning.entry?.kind === "genetic");

/** A gene by its symbol alone: what is done to it is not said. */
export const isBareGene = ({ meaning, name }: GivenMention): boolean =>
  name !== null &&
  meaning.kind === "perturbation" &&
  meaning.entry?.kind === "genetic" &&
  meaning.entry.name !== name;

/**
 * What the atlases do to a gene that a question names by its symbol alone. Throws
 * PERTURBATION_UNKNOWN where that does not tell.
 */
export function effectInAtlas(
  mention: GivenMention,
  sentence: Sentence,
  labels: AtlasLabels,
): { readonly gene: string; readonly effect: GeneticEffect } {
  const entry = mention.meaning.kind === "perturbation" ? mention.meaning.entry : null;
  const gene = entry?.external_ids["hgnc"] ?? entry?.targets[0]?.gene ?? "";
  const effects = new Set(
    labels.perturbations.flatMap(({ genetic }) => (genetic?.gene === gene ? [genetic.effect] : [])),
  );
  const [effect] = effects;
  if (effect !== undefined && effects.size === 1) return { gene, effect };
  const name = quotable(wordsOf(mention, sentence));
  throw askedBack(
    "PERTURBATION_UNKNOWN",
    "gene",
    `"${name}" is a gene, and the question does not say what is done to it; ask for its knockout, overexpression or CRISPR activation, or name a substance that acts on it.`,
  );
}

/** Whether the question is one that is asked back, and so not left to another reader. */
export const isAskedBack = ({ details }: HaystackError): boolean => details?.["asks"] !== undefined;
