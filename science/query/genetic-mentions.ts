import {
  geneticEffectAt,
  isWordOfActivation,
  isWordOfLack,
  withoutGuidePrefix,
} from "../knowledge/genetic-words.ts";
import type { GeneticEffect } from "../knowledge/genetic-words.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { findGeneticEntry, knowledgeTerms } from "../knowledge/resolve.ts";
import { joined } from "../knowledge/tokens.ts";
import type { Token } from "../knowledge/tokens.ts";
import type { TermIndex } from "../knowledge/term-index.ts";
import { geneticName } from "./mentions.ts";
import type { Meaning, Mention, Sentence } from "./mentions.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Words between a genetic word and its gene: "knockout of the gene TP53". */
const FILLERS = new Set([
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
  "von",
  "des",
  "der",
  "was",
  "is",
  "wurde",
  "的",
  "基",
  "因",
]);
/** "Interleukin 1 beta" has three tokens, "PD-1" two. */
const LONGEST_GENE = 3;
const MOST_FILLERS = 4;
const LONGEST_CELL_TYPE = 6;

/**
 * Finds and takes genes with a genetic word beside them: "TP53 KO", "CRISPRi STAT1", "knockout of
 * IL-6", "敲除TP53".
 */
export function findGeneticMentions(
  sentence: Sentence,
  knowledge: Knowledge,
  {
    atlasGenes,
    vocabulary,
    terms,
  }: {
    readonly atlasGenes: ReadonlySet<string>;
    readonly vocabulary: Vocabulary;
    readonly terms: TermIndex<Meaning>;
  },
): Mention[] {
  const { tokens, taken } = sentence;
  const symbols = knowledgeTerms(knowledge).geneSymbols;
  const found: Mention[] = [];

  const geneAt = (from: number, to: number): string | null => {
    if (from < 0 || to > tokens.length || taken.subarray(from, to).includes(1)) return null;
    const { asWritten } = joined(tokens.slice(from, to));
    if (to - from === 1 && (vocabulary.stop_words.has(asWritten) || FILLERS.has(asWritten)))
      return null;
    const upper = asWritten.toUpperCase();
    return symbols.get(asWritten) ?? (atlasGenes.has(upper) ? upper : null);
  };
  const take = (gene: string, effect: GeneticEffect, from: number, to: number): void => {
    taken.fill(1, from, to);
    const label = geneticName({ gene, effect });
    found.push({
      meaning: {
        kind: "perturbation",
        entry: findGeneticEntry(knowledge, gene, effect),
        label,
        genetic: { gene, effect },
      },
      name: null,
      misspelt: false,
      from,
      to,
    });
  };

  for (let index = 0; index < tokens.length; index++) {
    const word = geneticEffectAt(tokens, index);
    if (taken[index] === 1) continue;
    if (word === null) {
      const gene = symbols.get(withoutGuidePrefix(tokens[index]?.key ?? "") ?? "");
      if (gene !== undefined) take(gene, "loss", index, index + 1);
      const lacked = isWordOfLack(tokens[index])
        ? geneFrom(afterFillers(sentence, index + 1, 1), geneAt)
        : null;
      if (lacked !== null && !isSecreted(lacked.gene, knowledge))
        take(lacked.gene, "loss", index, lacked.to);
      const activated = isWordOfActivation(tokens[index])
        ? geneBeside(sentence, index, geneAt)
        : null;
      if (
        activated !== null &&
        !isSecreted(activated.gene, knowledge) &&
        !beginsCells(tokens, activated.from, terms)
      )
        take(
          activated.gene,
          "gain",
          Math.min(activated.from, index),
          Math.max(activated.to, index + 1),
        );
      continue;
    }
    const place = geneBeside(sentence, index, geneAt, word.length);
    if (place !== null)
      take(
        place.gene,
        word.effect,
        Math.min(place.from, index),
        Math.max(place.to, index + word.length),
      );
  }
  return found;
}

/** "Activation of CD4 T cells" names cells and not the gene CD4. */
function beginsCells(tokens: readonly Token[], from: number, terms: TermIndex<Meaning>): boolean {
  for (let to = from + 1; to <= Math.min(tokens.length, from + LONGEST_CELL_TYPE); to++)
    if (terms.find(tokens.slice(from, to))?.meaning.kind === "cell_type") return true;
  return false;
}

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

/** The gene next to a word at `index`, of `length` tokens: "KLF1 activation", "activation of KLF1". */
function geneBeside(sentence: Sentence, index: number, geneAt: GeneAt, length = 1): Place | null {
  return (
    geneBefore(afterFillers(sentence, index - 1, -1), geneAt) ??
    geneFrom(afterFillers(sentence, index + length, 1), geneAt)
  );
}

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
