import type { EvaluateInput } from "../../machines/run-types.ts";
import type { ExpectedAccuracy, Outlook } from "../../science/accuracy/accuracy-schema.ts";
import { AS_MEASURED } from "../../science/grounding/measured-scale.ts";
import type { IterationFeedback, PromptCandidate } from "../../science/prompting/prompt-plan.ts";
import type { IterationSummary } from "../../services/runs/document.ts";
import { openPlaces, type StepPorts } from "../ports.ts";
import { feedbackOf } from "./feedback.ts";
import { splitControls } from "./split-controls.ts";

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
  ports: StepPorts,
  input: EvaluateInput,
  { summary, chosen }: { readonly summary: IterationSummary; readonly chosen: PromptCandidate },
  signal: AbortSignal,
): Promise<Foreseen> {
  const { atlases, compute, knowledge } = ports;
  const { config, structured_query: query, iterations = [] } = input;
  const history: IterationFeedback[] = [...iterations, summary].map(feedbackOf);
  const { expected, accuracy_may_improve } = await compute.run(
    "foresee",
    {
      places: await openPlaces(atlases, config, signal),
      query,
      history,
      controlStrategy: input.control_strategy_effective,
      promptCells: config.prompt_cells,
      knowledge,
      chosen,
      split: await splitControls(ports, { config, query }, signal),
      tried: iterations.flatMap(({ expected_accuracy }) => expected_accuracy ?? []),
    },
    signal,
  );
  const ends =
    summary.score >= config.score_threshold || iterations.length + 1 >= config.max_iterations;
  if (ends) return { expected_accuracy: expected };
  const best = Math.max(...[...iterations, summary].map(({ score }) => score));
  const { scale } = summary;
  return {
    expected_accuracy: expected,
    outlook: {
      accuracy_may_improve,
      score_may_improve: scale?.known !== true || best < AS_MEASURED,
      measured_scores: scale?.known === true ? scale.measured : [],
    },
  };
}
