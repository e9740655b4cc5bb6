import type { EvaluateInput } from "../../machines/step-types.ts";
import type { ExpectedAccuracy, Outlook } from "../../science/accuracy/accuracy-schema.ts";
import { AS_MEASURED } from "../../science/grounding/measured-scale.ts";
import type { IterationFeedback, PromptCandidate } from "../../science/prompting/prompt-plan.ts";
import type { IterationSummary } from "../../services/runs/iteration.ts";
import { openPlaces, type StepPorts } from "../ports.ts";
import type { Foresight } from "../tasks/outlook.ts";
import { splitControls } from "./split-controls.ts";

/**
 * What the atlas lets expect of the predictions of a round, and whether a further prompt promises
 * more. `history`: with the prompts of the round; `tried`: what was expected of those before.
 */
export async function foresee(
  ports: StepPorts,
  input: EvaluateInput,
  {
    prompts,
    history,
    tried,
  }: {
    readonly prompts: readonly PromptCandidate[];
    readonly history: readonly IterationFeedback[];
    readonly tried: readonly ExpectedAccuracy[];
  },
  signal: AbortSignal,
): Promise<Foresight> {
  const { atlases, compute, knowledge } = ports;
  const { config, structured_query: query } = input;
  return compute.run(
    "foresee",
    {
      places: await openPlaces(atlases, config, signal),
      query,
      history,
      controlStrategy: input.control_strategy_effective,
      promptCells: config.prompt_cells,
      knowledge,
      prompts,
      split: await splitControls(ports, { config, query }, signal),
      tried,
    },
    signal,
  );
}

/**
 * Whether a further iteration may bring more; undefined where nothing is to be decided: the run ends
 * by its score or its last iteration.
 */
export function outlookOf(
  { config, iterations = [] }: EvaluateInput,
  { score, scale }: Pick<IterationSummary, "score" | "scale">,
  accuracy_may_improve: boolean,
): Outlook | undefined {
  if (score >= config.score_threshold || iterations.length + 1 >= config.max_iterations)
    return undefined;
  const best = Math.max(score, ...iterations.map((earlier) => earlier.score));
  return {
    accuracy_may_improve,
    score_may_improve: scale?.known !== true || best < AS_MEASURED,
    measured_scores: scale?.known === true ? scale.measured : [],
  };
}
