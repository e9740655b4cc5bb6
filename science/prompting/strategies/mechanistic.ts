import { type Mechanism, balanceOf, mechanismAsked, mechanismOf, sharedBy } from "../mechanism.ts";
import { isAskedPerturbation } from "../retrieval.ts";
import type { Proposal, RetrievalStrategy } from "../retrieval.ts";

const SAME_LABEL = 0.8;
const WEIGHTS = { targets: 0.8, response: 0.9, pathways: 0.6 } as const;
const MIN_MATCH = 0.1;
const MAX_MATCH = 0.9;

/**
 * Likeness 0 to 1 by noisy-or over the kinds of evidence; null when they share nothing or mostly
 * act against each other.
 */
function mechanismLikeness(
  asked: Mechanism,
  other: Mechanism,
): { readonly likeness: number; readonly shares: string } | null {
  const shared = sharedBy(asked, other);
  if (balanceOf(shared) <= 0) return null;
  const { sameLabel, ...cosines } = shared;
  const parts = [
    { part: sameLabel ? SAME_LABEL : 0, words: `its mechanism (${other.label})` },
    { part: WEIGHTS.targets * Math.max(0, cosines.targets), words: "targets" },
    { part: WEIGHTS.response * Math.max(0, cosines.response), words: "known response genes" },
    { part: WEIGHTS.pathways * Math.max(0, cosines.pathways), words: "pathways" },
  ].filter(({ part }) => part > 0);
  const likeness = 1 - parts.reduce((product, { part }) => product * (1 - part), 1);
  if (likeness < MIN_MATCH) return null;
  return { likeness, shares: parts.map(({ words }) => words).join(", ") };
}

/**
 * Perturbations that share mechanism class, targets, pathways or response genes in the same
 * direction.
 */
export const mechanistic: RetrievalStrategy = {
  name: "mechanistic",
  propose({ query, knowledge, perturbed }) {
    const byId = new Map(knowledge.perturbations.map((entry) => [entry.id, entry]));
    const asked = mechanismAsked(query, knowledge);
    const cache = new Map<string, ReturnType<typeof mechanismLikeness>>();
    return perturbed.flatMap((located): Proposal[] => {
      const id = located.group.perturbation_id;
      const other = id === null ? undefined : byId.get(id);
      if (id === null || other === undefined || isAskedPerturbation(query, located.group))
        return [];
      const shared = cache.get(id) ?? mechanismLikeness(asked, mechanismOf(other, knowledge));
      cache.set(id, shared);
      if (shared === null) return [];
      return [
        {
          ...located,
          match: MAX_MATCH * shared.likeness,
          because: `${other.name} shares with ${query.perturbation.name}: ${shared.shares}`,
        },
      ];
    });
  },
};
