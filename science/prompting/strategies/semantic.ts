import { isAskedCellType, isAskedPerturbation } from "../retrieval.ts";
import type { Proposal, RetrievalStrategy } from "../retrieval.ts";

/** Words that say how, not what: they would make every knockout look like every other. */
const EMPTY_WORDS = /\b(knock-?out|knock-?down|ko|crispri?|treated|treatment|with|stimulated|stimulation|inhibitor|recombinant|human|cells?|h|hours?)\b/gu;
const MIN_LIKENESS = 0.4;
const MATCH_SCALE = 0.6;
/** Where both perturbations are curated their mechanisms tell more than their names. */
const BOTH_CURATED = 0.25;
const OTHER_CELL_TYPE = 0.7;

function bigrams(text: string): Set<string> {
  const plain = text.toLowerCase().replaceAll(EMPTY_WORDS, " ").replaceAll(/[^\p{L}\p{N}]+/gu, " ").trim();
  const padded = ` ${plain} `;
  return plain === "" ? new Set() : new Set(Array.from({ length: padded.length - 1 }, (_, i) => padded.slice(i, i + 2)));
}

/** Dice coefficient of the letter pairs of two labels, 0 to 1, whatever their case and punctuation. */
export function lexicalLikeness(x: string, y: string): number {
  const a = bigrams(x);
  const b = bigrams(y);
  if (a.size === 0 || b.size === 0) return 0;
  return (2 * [...a].filter((pair) => b.has(pair)).length) / (a.size + b.size);
}

function bestLikeness(xs: readonly string[], ys: readonly string[]): number {
  return Math.max(0, ...xs.flatMap((x) => ys.map((y) => lexicalLikeness(x, y))));
}

/** Perturbations whose label, name or synonyms read like the asked one; helps where labels have no curated entry. */
export const semantic: RetrievalStrategy = {
  name: "semantic",
  propose({ query, knowledge, perturbed }) {
    const byId = new Map(knowledge.perturbations.map((entry) => [entry.id, entry]));
    const names = (id: string | null, label: string): string[] => {
      const entry = id === null ? undefined : byId.get(id);
      return entry === undefined ? [label] : [label, entry.name, ...entry.synonyms];
    };
    const asked = names(query.perturbation.id, query.perturbation.name);
    const likeness = new Map<string, number>();
    return perturbed.flatMap((located): Proposal[] => {
      const { group } = located;
      if (isAskedPerturbation(query, group)) return [];
      const like = likeness.get(group.perturbation) ?? bestLikeness(asked, names(group.perturbation_id, group.perturbation));
      likeness.set(group.perturbation, like);
      if (like < MIN_LIKENESS) return [];
      const cell = isAskedCellType(query, group) ? 1 : OTHER_CELL_TYPE + (1 - OTHER_CELL_TYPE) * lexicalLikeness(query.cell_type.name, group.cell_type);
      const scale = byId.has(query.perturbation.id ?? "") && byId.has(group.perturbation_id ?? "") ? BOTH_CURATED : MATCH_SCALE;
      return [{ ...located, match: scale * like * cell, because: `the name "${group.perturbation}" reads like ${query.perturbation.name}` }];
    });
  },
};
