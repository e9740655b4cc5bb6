import type { IterationFeedback, PromptCandidate, PromptStrategy } from "./prompt-plan.ts";

const MAX_SCORE = 10;

/**
 * A strategy stalls when it was tried in two iterations or more and the last one scored no better
 * than the best before; of several prompts in an iteration its best counts.
 */
export function stalledStrategies(
  history: readonly IterationFeedback[],
): ReadonlySet<PromptStrategy> {
  const tries = Map.groupBy(history, ({ strategy }) => strategy);
  return new Set(
    [...tries].flatMap(([strategy, feedback]) => {
      const scores = [...Map.groupBy(feedback, ({ iteration }) => iteration)]
        .toSorted(([x], [y]) => x - y)
        .map(([, prompts]) => Math.max(...prompts.map(({ score }) => score)));
      const last = scores.at(-1)!;
      return scores.length >= 2 && last <= Math.max(...scores.slice(0, -1)) ? [strategy] : [];
    }),
  );
}

/** Share of cells that two prompts draw from the same groups, 0 to 1. */
export function overlap(x: PromptCandidate, y: PromptCandidate): number {
  return x.parts.reduce(
    (sum, part) =>
      sum +
      Math.min(part.weight, y.parts.find(({ group_id: id }) => id === part.group_id)?.weight ?? 0),
    0,
  );
}

/**
 * The unused candidates in the order to try them. A candidate's rank is lowered by its overlap with
 * used prompts, the more the worse these scored; candidates of stalled strategies come after all
 * others.
 */
export function orderByHistory(
  candidates: readonly PromptCandidate[],
  history: readonly IterationFeedback[],
): PromptCandidate[] {
  const scores = new Map(history.map(({ candidate_id: id, score }) => [id, score]));
  const used = candidates.filter(({ candidate_id: id }) => scores.has(id));
  const stalled = stalledStrategies(history);
  return candidates
    .filter(({ candidate_id: id }) => !scores.has(id))
    .map((candidate) => {
      const penalty = Math.max(
        0,
        ...used.map(
          (earlier) =>
            overlap(candidate, earlier) * (1 - scores.get(earlier.candidate_id)! / MAX_SCORE),
        ),
      );
      return { ...candidate, rank_score: candidate.rank_score * (1 - penalty) };
    })
    .toSorted(
      (x, y) =>
        Number(stalled.has(x.strategy)) - Number(stalled.has(y.strategy)) ||
        y.rank_score - x.rank_score,
    );
}
