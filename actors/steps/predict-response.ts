import { readFile } from "node:fs/promises";
import type { ObjectReference, PromptPairs } from "../../machines/pair-types.ts";
import type {
  PromptCandidate,
  PromptPart,
  PromptPlan,
} from "../../science/prompting/prompt-plan.ts";
import { runNotFound } from "../../errors.ts";
import { openAtlases, type OpenedAtlas, type StepPorts } from "../ports.ts";
import { plannedPrompt } from "../round-prompts.ts";
import { iterationObjects } from "../run-objects.ts";

export interface PredictedRound {
  readonly run_id: string;
  readonly iteration: number;
  readonly plan: ObjectReference;
  /** Of the prompt that is meant, where the round has several. */
  readonly pairs?: PromptPairs;
  readonly predictions: ObjectReference;
  readonly control_predictions: ObjectReference | null;
  readonly random_seed: number;
}

/** Writes to `output` what the predictions from a prompt amount to: cells and response. */
export async function predictResponse(
  { objects, compute, batch, runs, atlases }: StepPorts,
  { run_id, iteration, output, pairs, ...round }: PredictedRound & { readonly output: string },
  signal: AbortSignal,
): Promise<void> {
  const paths = iterationObjects(run_id, iteration);
  const fetched = (path: string) => objects.fetch({ path }, signal);
  const plan = JSON.parse(
    await readFile(await objects.fetch(round.plan, signal), "utf8"),
  ) as PromptPlan;
  const { control_predictions: control } = round;
  const { prediction, control: controlPair } = pairs ?? { prediction: "prediction", control: null };
  const { chosen } = plannedPrompt(plan, prediction);
  const { parts } = chosen;
  const run = await runs.get(run_id);
  if (run === undefined) throw runNotFound(run_id);
  const { opened, places } = await openAtlases(atlases, run.document.config, signal);
  await atlases.fetchGroups(withControls(parts, opened), opened, signal);
  await compute.run(
    "predictResponse",
    {
      prediction: await objects.fetch(round.predictions, signal),
      controlPrediction: control === null ? null : await objects.fetch(control, signal),
      query: await fetched(paths.query),
      prompt: await fetched(paths.prompt(prediction)),
      controls: control === null ? null : await fetched(paths.prompt(controlPair ?? "control")),
      parts,
      places,
      reading: readsTheAnswer(chosen, plan),
      shiftsQueryCells: batch.model.is_baseline,
      seed: round.random_seed,
      output,
    },
    signal,
  );
}

/** The groups of the parts and their matched controls, which are not shown under query_as_control. */
function withControls(parts: readonly PromptPart[], opened: readonly OpenedAtlas[]): string[] {
  const shown = new Set(parts.map(({ group_id }) => group_id));
  return opened
    .flatMap(({ index }) => index.groups)
    .filter(({ group_id }) => shown.has(group_id))
    .flatMap(({ group_id, control_group_id }) =>
      control_group_id === null ? [group_id] : [group_id, control_group_id],
    );
}

/** The prompt is the asked cells under the asked perturbation, with the query cells as their controls. */
function readsTheAnswer(
  chosen: PromptCandidate,
  { query_parts }: Pick<PromptPlan, "query_parts">,
): boolean {
  const controls = new Set(chosen.parts.map(({ control_group_id }) => control_group_id));
  return chosen.reads === 1 && query_parts.every(({ group_id }) => controls.has(group_id));
}
