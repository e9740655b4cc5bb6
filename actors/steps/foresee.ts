import { readFile } from "node:fs/promises";
import type { EvaluateInput } from "../../machines/run-types.ts";
import type { ExpectedAccuracy, Outlook } from "../../science/accuracy/accuracy-schema.ts";
import type { IterationFeedback, PromptPlan } from "../../science/prompting/prompt-plan.ts";
import type { IterationSummary } from "../../services/runs/document.ts";
import type { Measured } from "../tasks/outlook.ts";
import { openPlaces, type StepPorts } from "../ports.ts";
import { feedbackOf } from "./feedback.ts";

/** Without one, nothing is to be decided: the run ends by its score or its last iteration. */
interface Foreseen {
  readonly expected_accuracy: ExpectedAccuracy;
  readonly outlook?: Outlook;
}

/**
 * What the atlas lets expect of this iteration's prediction, and whether a further iteration may
 * bring more.
 */
export async function foresee(
  { atlases, compute, objects, knowledge }: StepPorts,
  input: EvaluateInput,
  summary: IterationSummary,
  signal: AbortSignal,
): Promise<Foreseen> {
  const { config, structured_query: query, iterations = [] } = input;
  const places = await openPlaces(atlases, config, signal);
  const { chosen } = JSON.parse(
    await readFile(await objects.fetch(input.round.plan, signal), "utf8"),
  ) as PromptPlan;
  const history: IterationFeedback[] = [...iterations, summary].map(feedbackOf);
  const { expected, accuracy_may_improve, measured } = await compute.run(
    "foresee",
    {
      places,
      query,
      history,
      controlStrategy: input.control_strategy_effective,
      promptCells: config.prompt_cells,
      knowledge,
      chosen,
      tried: iterations.flatMap(({ expected_accuracy }) => expected_accuracy ?? []),
    },
    signal,
  );
  const best = Math.max(...[...iterations, summary].map(({ score }) => score));
  const ends =
    summary.score >= config.score_threshold || iterations.length + 1 >= config.max_iterations;
  if (ends) return { expected_accuracy: expected };
  if (measured === null)
    return {
      expected_accuracy: expected,
      outlook: { accuracy_may_improve, score_may_improve: true, measured_scores: [] },
    };
  const earlier = iterations.find(({ outlook }) => (outlook?.measured_scores.length ?? 0) > 0);
  const measured_scores =
    earlier?.outlook?.measured_scores ??
    (await scoresOf({ atlases, compute, knowledge }, input, measured, signal));
  return {
    expected_accuracy: expected,
    outlook: {
      accuracy_may_improve,
      score_may_improve: measured_scores.length === 0 || best < median(measured_scores),
      measured_scores,
    },
  };
}

async function scoresOf(
  { atlases, compute, knowledge }: Pick<StepPorts, "atlases" | "compute" | "knowledge">,
  { config, structured_query: query, random_seed: seed }: EvaluateInput,
  { dir, responses }: Measured,
  signal: AbortSignal,
): Promise<number[]> {
  await atlases.fetchGroups(
    responses.flatMap(({ treated, control }) =>
      [...treated, ...control].map(({ group_id }) => group_id),
    ),
    await atlases.open(config.datasets, signal),
    signal,
  );
  return compute.run("scoreMeasuredResponses", { dir, responses, query, seed, knowledge }, signal);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
