import type { PromptInput, PromptOutput } from "../../machines/run-types.ts";
import { iterationObjects } from "../run-objects.ts";
import type { Effect } from "../step.ts";
import { placesOf, type StepPorts } from "./ports.ts";

const sum = (parts: readonly { readonly n_cells: number }[]): number => parts.reduce((total, { n_cells }) => total + n_cells, 0);

/** Chooses the prompt cells of this iteration, knowing the earlier ones, and stores the plan. */
export function prompt({ atlases, compute, objects }: StepPorts): Effect<PromptInput, PromptOutput> {
  return async ({ run_id, config, random_seed, iteration, structured_query, control_strategy_effective, iterations }, { signal }) => {
    const plan = await compute.run(
      "prompt",
      {
        places: placesOf(await atlases.open(config.datasets, signal), config),
        query: structured_query,
        history: iterations.map((past) => ({
          iteration: past.iteration,
          candidate_id: past.candidate_id,
          strategy: past.prompt_strategy,
          score: past.score,
          component_scores: Object.fromEntries(Object.entries(past.component_scores).filter((entry): entry is [string, number] => entry[1] !== null)),
          feedback: past.feedback,
        })),
        controlStrategy: control_strategy_effective,
        promptCells: config.prompt_cells,
        queryCells: config.query_cells,
        firstPrompt: config.first_prompt,
        seed: random_seed,
      },
      signal,
    );
    const stored = await objects.putText(iterationObjects(run_id, iteration).plan, `${JSON.stringify(plan, null, 1)}\n`, signal);
    return {
      plan: stored,
      candidate_id: plan.chosen.candidate_id,
      prompt_strategy: plan.chosen.strategy,
      prompt_rationale: plan.chosen.rationale,
      prompt_cells: sum(plan.chosen.parts),
      query_cells: sum(plan.query_parts),
    };
  };
}
