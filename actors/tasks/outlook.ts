import type { ExpectedAccuracy } from "../../science/accuracy/accuracy-schema.ts";
import { expectedAccuracy } from "../../science/accuracy/expected-accuracy.ts";
import {
  measuredResponses,
  scoreMeasured,
  type MeasuredResponse,
} from "../../science/accuracy/measured-plausibility.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { rankCandidates } from "../../science/prompting/candidates.ts";
import type { ChoosePromptOptions } from "../../science/prompting/choose-prompt.ts";
import type { PromptCandidate } from "../../science/prompting/prompt-plan.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { openAll, type AtlasPlace, type WithKnowledge } from "./places.ts";

/** The tasks that say what an atlas lets expect of a prediction, and of a further one. */

/** A smaller gain in expected Pearson is within what it is known to. */
const LEAST_GAIN = 0.02;

export type Measured = NonNullable<Foresight["measured"]>;

export interface Foresight {
  readonly expected: ExpectedAccuracy;
  /** Whether a prompt that is left has a clearly higher expected accuracy than those tried. */
  readonly accuracy_may_improve: boolean;
  /** Measured responses that the score can be read against, where that is to be asked. */
  readonly measured: {
    readonly dir: string;
    readonly responses: readonly MeasuredResponse[];
  } | null;
}

/** `tried`: the expected accuracy of earlier iterations. Costs profiles, not cells. */
export async function foresee({
  places,
  knowledge,
  chosen,
  tried,
  ...request
}: Omit<ChoosePromptOptions, "atlases" | "knowledge" | "queryCells" | "seed"> &
  WithKnowledge & {
    readonly places: readonly AtlasPlace[];
    readonly chosen: PromptCandidate;
    readonly tried: readonly ExpectedAccuracy[];
  }): Promise<Foresight> {
  const atlases = await openAll(places);
  const of = (candidate: PromptCandidate) => expectedAccuracy(request.query, candidate, atlases);
  const expected = of(chosen);
  const best = [...tried, expected].reduce(
    (most, each) => (each.known ? Math.max(most, each.pearson) : most),
    -1,
  );
  const accuracy_may_improve =
    !expected.known ||
    rankCandidates({ ...request, atlases, knowledge: loadKnowledge(knowledge) })
      .map(of)
      .some((each) => each.known && each.pearson > best + LEAST_GAIN);
  const measured = accuracy_may_improve ? null : measuredResponses(chosen, atlases);
  return {
    expected,
    accuracy_may_improve,
    measured: measured === null ? null : { dir: measured.atlas.dir, responses: measured.responses },
  };
}

/** Grounding scores of measured responses, in their order. */
export async function scoreMeasuredResponses({
  dir,
  responses,
  knowledge,
  ...asked
}: WithKnowledge & {
  readonly dir: string;
  readonly responses: readonly MeasuredResponse[];
  readonly query: StructuredQuery;
  readonly seed: number;
}): Promise<number[]> {
  const known = loadKnowledge(knowledge);
  const scores: number[] = [];
  for (const response of responses)
    scores.push(await scoreMeasured(dir, response, { ...asked, knowledge: known }));
  return scores;
}
