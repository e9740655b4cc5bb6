import { readFile } from "node:fs/promises";
import type { ObjectReference } from "../../machines/pair-types.ts";
import type { PredictedPrompt } from "../../machines/run-types.ts";
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
  /** One prompt, or those whose predictions are mixed. */
  readonly members: readonly PredictedPrompt[];
  readonly random_seed: number;
}

/** Writes to `output` what the predictions from the prompts amount to: cells and response. */
export async function predictResponse(
  { objects, compute, batch, runs, atlases }: StepPorts,
  { run_id, iteration, output, members, ...round }: PredictedRound & { readonly output: string },
  signal: AbortSignal,
): Promise<void> {
  const paths = iterationObjects(run_id, iteration);
  const fetched = (path: string) => objects.fetch({ path }, signal);
  const plan = JSON.parse(
    await readFile(await objects.fetch(round.plan, signal), "utf8"),
  ) as PromptPlan;
  const filesOf = async (member: PredictedPrompt) => {
    const { prediction, control } = member.pairs ?? { prediction: "prediction", control: null };
    const { control_predictions: controls } = member;
    const { chosen } = plannedPrompt(plan, prediction);
    return {
      chosen,
      prediction: await objects.fetch(member.predictions, signal),
      controlPrediction: controls === null ? null : await objects.fetch(controls, signal),
      prompt: await fetched(paths.prompt(prediction)),
      controls: controls === null ? null : await fetched(paths.prompt(control ?? "control")),
      parts: chosen.parts,
    };
  };
  const files = await Promise.all(members.map(filesOf));
  const run = await runs.get(run_id);
  if (run === undefined) throw runNotFound(run_id);
  const { opened, places } = await openAtlases(atlases, run.document.config, signal);
  const parts = files.flatMap((each) => each.parts);
  await atlases.fetchGroups(withControls(parts, opened), opened, signal);
  await compute.run(
    "predictResponse",
    {
      members: files.map(({ chosen: _chosen, ...member }) => member),
      query: await fetched(paths.query),
      places,
      reading: files.every(({ chosen }) => readsTheAnswer(chosen, plan)),
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
