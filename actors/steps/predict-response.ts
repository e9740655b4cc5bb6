import { readFile } from "node:fs/promises";
import type { ObjectReference } from "../../machines/run-types.ts";
import type { PromptPlan } from "../../science/prompting/prompt-plan.ts";
import type { StepPorts } from "../ports.ts";
import { iterationObjects } from "../run-objects.ts";

export interface PredictedRound {
  readonly run_id: string;
  readonly iteration: number;
  readonly plan: ObjectReference;
  readonly predictions: ObjectReference;
  readonly control_predictions: ObjectReference | null;
  readonly random_seed: number;
}

/** Writes to `output` what the predictions of a round amount to: cells and response. */
export async function predictResponse(
  { objects, compute, batch }: StepPorts,
  { run_id, iteration, output, ...round }: PredictedRound & { readonly output: string },
  signal: AbortSignal,
): Promise<void> {
  const paths = iterationObjects(run_id, iteration);
  const fetched = (path: string) => objects.fetch({ path }, signal);
  const plan = JSON.parse(
    await readFile(await objects.fetch(round.plan, signal), "utf8"),
  ) as PromptPlan;
  const { control_predictions: control } = round;
  await compute.run(
    "predictResponse",
    {
      prediction: await objects.fetch(round.predictions, signal),
      controlPrediction: control === null ? null : await objects.fetch(control, signal),
      query: await fetched(paths.query),
      prompt: await fetched(paths.prompt("prediction")),
      controls: control === null ? null : await fetched(paths.prompt("control")),
      parts: plan.chosen.parts,
      shiftsQueryCells: batch.model.is_baseline,
      seed: round.random_seed,
      output,
    },
    signal,
  );
}
