import { pairName } from "../machines/job-id.ts";
import type { PairName, PromptPairs } from "../machines/pair-types.ts";
import type { IterationSummary } from "../services/runs/iteration.ts";
import { mixedPrompt } from "../science/prompting/mixed-prompts.ts";
import {
  type PlannedPrompt,
  planWith,
  type PromptPart,
  type PromptPlan,
  promptsOf,
} from "../science/prompting/prompt-plan.ts";
import type { ControlStrategy } from "../science/query/structured-query.ts";

export interface DrawnPart {
  readonly group_id: string;
  readonly n_cells: number;
}

/** The matched controls of the parts of a prompt. */
export const controlParts = (parts: readonly PromptPart[]): DrawnPart[] =>
  parts.flatMap(({ control_group_id, n_control_cells }) =>
    control_group_id === null ? [] : [{ group_id: control_group_id, n_cells: n_control_cells }],
  );

/** The prompts of a plan with the names of their pairs: prompts of equal controls share one. */
export function pairedPrompts(
  plan: PromptPlan,
  strategy: ControlStrategy,
): readonly (PlannedPrompt & PromptPairs)[] {
  const prompts = promptsOf(plan);
  const controls = prompts.map(({ chosen }) => JSON.stringify(controlParts(chosen.parts)));
  return prompts.map((prompt, at) => ({
    ...prompt,
    prediction: pairName("prediction", at + 1),
    control:
      strategy === "synthetic_control"
        ? pairName("control", controls.indexOf(controls[at]!) + 1)
        : null,
  }));
}

/** The plan as if what counts as the iteration's had been chosen alone. */
export function countedPlan(
  plan: PromptPlan,
  {
    prompts,
    candidate_id,
    mixture,
  }: Pick<IterationSummary, "prompts" | "candidate_id" | "mixture">,
): PromptPlan {
  if (prompts === undefined) return plan;
  if (mixture === undefined) return planWith(plan, candidate_id);
  const { transfer: _first, beside: _beside, ...rest } = plan;
  const members = mixture.predictions.map((name) => plannedPrompt(plan, name as PairName));
  return { ...rest, ...mixedPrompt(members) };
}

/** The prompt that this pair predicts from. */
export function plannedPrompt(plan: PromptPlan, prediction: PairName): PlannedPrompt {
  const prompt = pairedPrompts(plan, "query_as_control").find(
    (each) => each.prediction === prediction,
  );
  if (prompt === undefined) throw new Error(`The plan has no prompt for ${prediction}.`);
  return prompt;
}
