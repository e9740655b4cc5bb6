import type { EvaluateInput, EvaluateOutput } from "../../machines/run-types.ts";
import { iterationObjects } from "../run-objects.ts";
import type { Effect } from "../step.ts";
import type { StepPorts } from "./ports.ts";

const SHOWN = 10;

/** Judges the predictions of this iteration; the evidence goes to an object, a summary into the run. */
export function evaluate({ compute, objects }: StepPorts): Effect<EvaluateInput, EvaluateOutput> {
  return async ({ run_id, random_seed, iteration, structured_query, control_strategy_effective, round }, { signal }) => {
    const paths = iterationObjects(run_id, iteration);
    if (round.predictions === null) throw new Error("There are no predictions to evaluate.");
    const evaluation = await compute.run(
      "evaluate",
      {
        structured_query,
        prediction: await objects.fetch(round.predictions, signal),
        reference: await objects.fetch(round.control_predictions ?? { path: paths.query }, signal),
        controlStrategyEffective: control_strategy_effective,
        seed: random_seed,
      },
      signal,
    );
    const stored = await objects.putText(paths.evaluation, `${JSON.stringify(evaluation, null, 1)}\n`, signal);
    const { grounding, top_genes, enriched } = evaluation;
    return {
      evaluation: stored,
      summary: {
        iteration,
        prompt_strategy: round.prompt_strategy,
        prompt_rationale: round.prompt_rationale,
        candidate_id: round.candidate_id,
        prompt_cells: round.prompt_cells,
        query_cells: round.query_cells,
        score: grounding.score,
        component_scores: Object.fromEntries(grounding.components.map(({ name, score }) => [name, score])),
        confidence: grounding.confidence,
        feedback: [...grounding.feedback],
        top_genes: top_genes.slice(0, SHOWN).map(({ gene, log2_fold_change }) => ({ gene, log2_fold_change })),
        enriched_pathways: enriched.slice(0, SHOWN).map(({ id, name, direction, p_adjusted }) => ({ id, name, direction, p_adjusted })),
      },
    };
  };
}
