import type { GeneticEffect } from "../knowledge/genetic-words.ts";
import type { Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";
import { findPerturbation, geneticReading } from "../knowledge/resolve.ts";
import { labelKey } from "../knowledge/tokens.ts";
import type { GivenMention } from "./mention.ts";

/** What a combination consists of, in a form that can be compared. */

export const geneKey = (gene: string, effect: GeneticEffect): string => `gene ${gene} ${effect}`;

function entryKey({ id, kind, targets }: PerturbationEntry): string {
  const [target] = targets;
  if (kind !== "genetic" || target === undefined) return `id ${id}`;
  return geneKey(target.gene, target.action === "overexpresses" ? "gain" : "loss");
}

export function partKey(meaning: GivenMention["meaning"]): string {
  if (meaning.kind === "ambiguous") return `class ${meaning.label}`;
  if (meaning.genetic !== null) return geneKey(meaning.genetic.gene, meaning.genetic.effect);
  return meaning.entry === null ? `label ${labelKey(meaning.label)}` : entryKey(meaning.entry);
}

const SEPARATOR = /\s*(?:\+|&|;|\band\b|\bplus\b)\s*/i;

/** The parts of a label such as "IFN-beta + TNF", sorted; undefined when it does not name several. */
export function partsOfLabel(label: string, knowledge: Knowledge): readonly string[] | undefined {
  const texts = label.split(SEPARATOR).filter((text) => text !== "");
  if (texts.length < 2) return undefined;
  return texts
    .map((text) => {
      const genetic = geneticReading(text, knowledge);
      if (genetic !== null) return geneKey(genetic.gene, genetic.effect);
      const known = findPerturbation(text, knowledge);
      return known === null ? `label ${labelKey(text)}` : entryKey(known.entry);
    })
    .toSorted();
}
