import type { PromptCandidate } from "../prompting/prompt-plan.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import type { ExpectedAccuracy } from "./accuracy-schema.ts";
import { leaveOut, summarised, type LeftOutResponses } from "./expected-accuracy.ts";
import type { AtlasEvidence } from "./shown-units.ts";

/** Some of the prompts of a round, by place, the one expected to be most accurate first. */
export interface Mixture {
  readonly places: readonly number[];
  /** Of the mean of their predictions. */
  readonly expected: ExpectedAccuracy;
}

/**
 * The prompts whose predictions, in equal shares, are expected to be more accurate than that of any
 * of them alone; null where there are none. From the best prompt on, each next one joins where on
 * the left-out responses the mixture is more accurate with it than without it, on average by more
 * than the standard error of that gain (the rule of Breiman et al. 1984). A prompt that shows the
 * answer, or stands in with another perturbation, is not mixed.
 */
export function bestMixture(
  query: StructuredQuery,
  prompts: readonly PromptCandidate[],
  evidence: AtlasEvidence,
): Mixture | null {
  const [best, ...others] = prompts
    .flatMap((prompt, place) => {
      const left = prompt.reads === undefined ? leaveOut(query, [prompt], evidence) : null;
      const expected = left === null ? null : summarised(left);
      return left !== null && expected?.known === true
        ? [{ prompt, place, left, pearson: expected.pearson }]
        : [];
    })
    .toSorted((a, b) => b.pearson - a.pearson);
  if (best === undefined) return null;
  const { left, pearson } = best;
  const chosen = others.reduce(
    (mixture, { prompt, place }) => {
      const members = [...mixture.members, prompt];
      const tried = leaveOut(query, members, evidence);
      const expected = summarised(tried);
      return expected.known && expected.pearson > mixture.pearson && gains(tried, mixture.left)
        ? { members, places: [...mixture.places, place], left: tried, pearson: expected.pearson }
        : mixture;
    },
    { members: [best.prompt], places: [best.place], left, pearson },
  );
  return chosen.places.length < 2
    ? null
    : { places: chosen.places, expected: summarised(chosen.left) };
}

/** Whether the responses that both can leave out are told better, beyond the error of the gain. */
export function gains(
  now: Pick<LeftOutResponses, "found">,
  before: Pick<LeftOutResponses, "found">,
): boolean {
  const gained = [...now.found].flatMap(([target, { r }]) => {
    const other = before.found.get(target);
    return other === undefined ? [] : [r - other.r];
  });
  const n = gained.length;
  if (n < before.found.size) return false;
  const mean = gained.reduce((sum, gain) => sum + gain, 0) / n;
  const squares = gained.reduce((sum, gain) => sum + (gain - mean) ** 2, 0);
  return mean > Math.sqrt(squares / (n - 1) / n);
}
