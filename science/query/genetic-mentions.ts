import {
  geneticEffectAt,
  isParticipleOfActivation,
  isParticipleOfLack,
  isWordOfDepletion,
  saysGuided,
  isWordOfActivation,
  isWordOfLack,
} from "../knowledge/genetic-words.ts";
import type { GeneticEffect } from "../knowledge/genetic-words.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { findGeneticEntry, knowledgeTerms } from "../knowledge/resolve.ts";
import { joined, type Token } from "../knowledge/tokens.ts";
import { geneticName } from "./mention.ts";
import type { Mention, Sentence } from "./mention.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Words between a genetic word and its gene: "knockout of the gene TP53". */
const FILLERS = new Set([
  "pool",
  "pools",
  "oligo",
  "oligos",
  "construct",
  "constructs",
  "of",
  "the",
  "gene",
  "gens",
  "in",
  "for",
  "targeting",
  "against",
  "by",
  "via",
  "using",
  "mediated",
  "activated",
  "repressed",
  "silenced",
  "targeted",
  "edited",
  "double",
  "triple",
  "dual",
  "combined",
  "simultaneous",
  "both",
  "von",
  "des",
  "der",
  "was",
  "is",
  "are",
  "were",
  "wurde",
  "的",
  "基",
  "因",
]);
/** "Mice lacking Il10" are no medium without it. */
const ANIMALS = new Set(["mice", "mouse", "animals", "rats", "fish", "embryos"]);
/** "TLR4-/-", "Tp53+/-", "Stat1 (-/-)". */
const ALLELES = /^\s?\(?[-−–+]\/[-−–]\)?/;
/** "Interleukin 1 beta" has three tokens, "PD-1" two. */
const LONGEST_GENE = 3;
const MOST_FILLERS = 4;

export interface AtlasGenes {
  readonly genes: ReadonlySet<string>;
  /** Whether the atlases would gain it by its activation, whatever activates it from outside. */
  readonly isGained: (gene: string) => boolean;
}

/**
 * Finds and takes genes with a genetic word beside them: "TP53 KO", "CRISPRi STAT1", "knockout of
 * IL-6", "敲除TP53".
 */
export function findGeneticMentions(
  sentence: Sentence,
  knowledge: Knowledge,
  { genes: atlasGenes, isGained }: AtlasGenes,
  vocabulary: Vocabulary,
): Mention[] {
  const { tokens, taken } = sentence;
  const symbols = knowledgeTerms(knowledge).geneSymbols;
  const found: Mention[] = [];

  const geneAt = (from: number, to: number): string | null => {
    if (from < 0 || to > tokens.length || taken.subarray(from, to).includes(1)) return null;
    const { asWritten } = joined(tokens.slice(from, to));
    if (to - from === 1 && (vocabulary.stop_words.has(asWritten) || FILLERS.has(asWritten)))
      return null;
    const isOfCells = ["cell", "cells"].includes(tokens[to]?.key ?? "");
    if (asWritten.length < 3 && isOfCells) return null;
    const upper = asWritten.toUpperCase();
    const name = tokens.slice(from, to);
    const symbol = symbols.at(name, sentence.text);
    if (symbol === undefined) return atlasGenes.has(upper) ? upper : null;
    return symbol === upper || !isOfSubstance(name, symbol, knowledge) ? symbol : null;
  };
  const take = (gene: string, effect: GeneticEffect, from: number, to: number): void => {
    taken.fill(1, from, to);
    found.push({
      meaning: {
        kind: "perturbation",
        entry: findGeneticEntry(knowledge, gene, effect),
        label: geneticName({ gene, effect }),
        genetic: { gene, effect },
      },
      name: null,
      misspelt: false,
      from,
      to,
    });
  };

  const directs = (index: number): boolean =>
    [vocabulary.blockade, vocabulary.agonism].some((words) => words.has(tokens[index]?.key ?? ""));
  const search = { sentence, geneAt, directs };
  /** "KLF1 activation" is CRISPR activation, "TLR4 activation" that by a ligand where cells are given such. */
  const activated = (index: number): Place | null => {
    const isActivated = isParticipleOfActivation(tokens, index);
    if (!isActivated && !isWordOfActivation(tokens[index])) return null;
    const place =
      geneBefore(afterFillers(sentence, index - 1, -1), geneAt) ??
      (isActivated ? null : geneFrom(afterFillers(sentence, index + 1, 1), geneAt));
    if (place === null || (!isGained(place.gene) && hasActivator(place.gene, knowledge)))
      return null;
    return {
      gene: place.gene,
      from: Math.min(place.from, index),
      to: Math.max(place.to, index + 1),
    };
  };
  const isByGuide = saysGuided(sentence.text);
  /** Cells with a surface marker are what is depleted of "CD4 depletion", and IL-2 is of the medium. */
  const depletedAt = (index: number): Place | null => {
    const place =
      geneBefore(afterFillers(sentence, index - 1, -1), geneAt) ??
      geneFrom(afterFillers(sentence, index + 1, 1), geneAt);
    if (place === null || isSecreted(place.gene, knowledge)) return null;
    if (/^cd\d/.test(tokens[place.from]?.key ?? "")) return null;
    // "ATP depletion" is none of ATP8A2: what else cells are depleted of has names that genes have, too.
    const { asWritten } = joined(tokens.slice(place.from, place.to));
    if (asWritten.toUpperCase() !== place.gene.replaceAll("-", "").toUpperCase()) return null;
    return {
      gene: place.gene,
      from: Math.min(place.from, index),
      to: Math.max(place.to, index + 1),
    };
  };
  for (let index = 0; index < tokens.length; index++) {
    const word = geneticEffectAt(tokens, index);
    if (taken[index] === 1) continue;
    const gained = activated(index);
    if (gained !== null) {
      take(gained.gene, "gain", gained.from, gained.to);
      for (const more of furtherGenes(search, gained, gained.to === index + 1))
        take(more.gene, "gain", more.from, more.to);
      continue;
    }
    if (word === null) {
      const alleles = ALLELES.exec(sentence.text.slice(tokens[index]?.end));
      const mutant = alleles === null ? null : geneBefore(index, geneAt);
      if (mutant !== null) {
        take(mutant.gene, "loss", mutant.from, mutant.to);
        continue;
      }
      const gene = symbols.guided(tokens.slice(index, index + 1), sentence.text);
      if (gene !== undefined) take(gene, "loss", index, index + 1);
      const lacked = isWordOfLack(tokens[index])
        ? geneFrom(afterFillers(sentence, index + 1, 1), geneAt)
        : null;
      const isOfAnimals = ANIMALS.has(tokens[index - 1]?.key ?? "");
      if (lacked !== null && (isOfAnimals || !isSecreted(lacked.gene, knowledge)))
        take(lacked.gene, "loss", index, lacked.to);
      const lost = isParticipleOfLack(tokens, index)
        ? geneBefore(afterFillers(sentence, index - 1, -1), geneAt)
        : null;
      if (lost !== null && !isSecreted(lost.gene, knowledge))
        take(lost.gene, "loss", lost.from, index + 1);
      const depleted = isWordOfDepletion(tokens[index], isByGuide) ? depletedAt(index) : null;
      if (depleted !== null) take(depleted.gene, "loss", depleted.from, depleted.to);
      continue;
    }
    const after = afterFillers(sentence, index + word.length, 1);
    const before = afterFillers(sentence, index - 1, -1);
    const place =
      geneBefore(before, geneAt) ??
      (isOfUnknown(sentence, before, { from: index + word.length, to: after })
        ? null
        : geneFrom(after, geneAt));
    if (place === null) continue;
    const [from, to] = [Math.min(place.from, index), Math.max(place.to, index + word.length)];
    take(place.gene, word.effect, from, to);
    for (const more of furtherGenes(search, { from, to }, place.from < index))
      if (!isSecreted(more.gene, knowledge)) take(more.gene, word.effect, more.from, more.to);
  }
  return found;
}

/** "ABC12 knockout in THP-1": what follows is where, as the gene stands in front and is not known. */
function isOfUnknown(
  { text, tokens }: Sentence,
  before: number,
  between: { readonly from: number; readonly to: number },
): boolean {
  const { start = 0, end = 0 } = tokens[before] ?? {};
  const isIn = tokens.slice(between.from, between.to).some(({ key }) => key === "in");
  return isIn && /^(?=.*\d)\p{Lu}[\p{L}\p{N}]+$/u.test(text.slice(start, end));
}

interface Search {
  readonly sentence: Sentence;
  readonly geneAt: GeneAt;
  /** Whether the word there says what a substance does to the gene: "JAK2 inhibitor". */
  readonly directs: (index: number) => boolean;
}

/** "KO of CBLB and RASA2", "CBLB/RASA2 double knockout": the word is said of each gene. */
function furtherGenes(
  { sentence: { text, tokens }, geneAt, directs }: Search,
  named: { readonly from: number; readonly to: number },
  isLeftward: boolean,
): Place[] {
  const more: Place[] = [];
  let edge = isLeftward ? named.from : named.to;
  for (;;) {
    const beside = isLeftward ? edge - 1 : edge;
    const joins = LISTING.has(tokens[beside]?.key ?? "");
    const start = joins ? (isLeftward ? beside - 1 : beside + 1) : beside;
    const next = isLeftward ? geneBefore(start, geneAt) : geneFrom(start, geneAt);
    if (next === null || directs(next.to)) return more;
    const [left, right] = isLeftward ? [next.to - 1, edge] : [edge - 1, next.from];
    const gap = text.slice(tokens[left]?.end, tokens[right]?.start);
    if (!joins && !/[/+,&]/.test(gap)) return more;
    more.push(next);
    edge = isLeftward ? next.from : next.to;
  }
}

const LISTING = new Set(["and", "plus", "und", "et", "y", "和", "与"]);

/** LPS is an alias of IRF6, and means lipopolysaccharide. */
function isOfSubstance(name: readonly Token[], symbol: string, knowledge: Knowledge): boolean {
  const entry = knowledgeTerms(knowledge).perturbations.find(name)?.meaning;
  return entry !== undefined && entry.kind !== "genetic" && entry.external_ids["hgnc"] !== symbol;
}

const hasActivator = (gene: string, knowledge: Knowledge): boolean =>
  knowledge.perturbations.some(
    ({ kind, targets, external_ids }) =>
      kind !== "genetic" &&
      (external_ids["hgnc"] === gene ||
        targets.some((target) => target.gene === gene && target.action === "activates")),
  );

/** Cytokines reach cells from outside: what lacks them is mostly the medium. */
function isSecreted(gene: string, knowledge: Knowledge): boolean {
  return knowledge.perturbations.some(
    ({ kind, external_ids }) => kind === "cytokine" && external_ids["hgnc"] === gene,
  );
}

interface Place {
  readonly gene: string;
  readonly from: number;
  readonly to: number;
}
type GeneAt = (from: number, to: number) => string | null;

function geneBefore(last: number, geneAt: GeneAt): Place | null {
  for (let length = LONGEST_GENE; length > 0; length--) {
    const gene = geneAt(last + 1 - length, last + 1);
    if (gene !== null) return { gene, from: last + 1 - length, to: last + 1 };
  }
  return null;
}

function geneFrom(start: number, geneAt: GeneAt): Place | null {
  for (let length = LONGEST_GENE; length > 0; length--) {
    const gene = geneAt(start, start + length);
    if (gene !== null) return { gene, from: start, to: start + length };
  }
  return null;
}

/** The first place in the given direction that holds neither a filler nor another genetic word. */
function afterFillers({ tokens }: Sentence, start: number, step: 1 | -1): number {
  let index = start;
  for (let count = 0; count < MOST_FILLERS; count++, index += step) {
    const key = tokens[index]?.key ?? "";
    if (!FILLERS.has(key) && geneticEffectAt(tokens, index) === null) break;
  }
  return index;
}
