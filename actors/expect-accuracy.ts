import type { ExpectedAccuracy } from "../science/accuracy/accuracy-schema.ts";
import type { RunConfig } from "../services/runs/document.ts";
import type { QuestionCheck } from "./check-question.ts";
import { openPlaces, type StepPorts } from "./ports.ts";
import { splitControls } from "./steps/split-controls.ts";

/**
 * How far the first prediction of a checked question is expected to agree with a measured response,
 * or why the atlas cannot tell; as the run will say of its first iteration if it prompts with the
 * same cells. Nothing is spent; the halves of controls that it rests on are kept for the runs.
 */
export async function expectAccuracy(
  ports: Pick<StepPorts, "atlases" | "compute" | "knowledge" | "objects">,
  { understood, plan }: Extract<QuestionCheck, { readonly answerable: true }>,
  config: RunConfig,
  signal: AbortSignal,
): Promise<ExpectedAccuracy> {
  const { atlases, compute, knowledge } = ports;
  const query = understood.structured_query;
  const {
    expected: [expected],
  } = await compute.run(
    "foresee",
    {
      places: await openPlaces(atlases, config, signal),
      query,
      history: [],
      controlStrategy: understood.control_strategy_effective,
      promptCells: config.prompt_cells,
      knowledge,
      prompts: [plan.chosen],
      split: await splitControls(ports, { config, query }, signal),
      tried: [],
    },
    signal,
  );
  return expected!;
}
