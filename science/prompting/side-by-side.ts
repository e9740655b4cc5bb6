import { overlap } from "./history.ts";
import type { PromptCandidate } from "./prompt-plan.ts";

/**
 * The prompts of one round: the first, beside it the best of each other strategy, then those of the
 * others that show most that is new (rank times the share of cells that none before draws from).
 * `ordered`: best first. At most `most`; fewer where no further candidate shows anything else.
 */
export function sideBySide(
  first: PromptCandidate,
  ordered: readonly PromptCandidate[],
  most: number,
): readonly PromptCandidate[] {
  const chosen = [first];
  const isNew = (candidate: PromptCandidate): boolean => newShare(candidate, chosen) > 0;
  for (const candidate of ordered)
    if (
      chosen.length < most &&
      chosen.every(({ strategy }) => strategy !== candidate.strategy) &&
      isNew(candidate)
    )
      chosen.push(candidate);
  while (chosen.length < most) {
    const worth = (candidate: PromptCandidate): number =>
      candidate.rank_score * newShare(candidate, chosen);
    const next = ordered
      .filter(isNew)
      .reduce<PromptCandidate | null>(
        (best, each) => (best === null || worth(each) > worth(best) ? each : best),
        null,
      );
    if (next === null) break;
    chosen.push(next);
  }
  return chosen;
}

/** Less than this is rounding. */
const LEAST_SHARE = 1e-9;

function newShare(candidate: PromptCandidate, chosen: readonly PromptCandidate[]): number {
  const share = 1 - Math.max(...chosen.map((other) => overlap(candidate, other)));
  return share > LEAST_SHARE ? share : 0;
}
