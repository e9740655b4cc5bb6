import type { PromptInput, PromptOutput } from "../../machines/run-types.ts";
import type { IterationFeedback, PromptPlan } from "../../science/prompting/prompt-plan.ts";
import { choosePromptByModel } from "../agents/choose-prompt.ts";
import { orProblem, withModel, type Session } from "../agents/session.ts";
import { iterationObjects } from "../run-objects.ts";
import type { Effect } from "../step.ts";
import { placesOf, type StepPorts } from "./ports.ts";

const sum = (parts: readonly { readonly n_cells: number }[]): number => parts.reduce((total, { n_cells }) => total + n_cells, 0);

/** Chooses the prompt cells of this iteration, knowing the earlier ones, and stores the plan. */
export function prompt(ports: StepPorts): Effect<PromptInput, PromptOutput> {
  return (input, { signal }) => {
    const { run_id, iteration, model_spent } = input;
    return withModel(ports, { run_id, step: "prompt", iteration }, model_spent, async (session) => {
      const plan = await choose(ports, input, session, signal);
      const stored = await ports.objects.putText(iterationObjects(run_id, iteration).plan, `${JSON.stringify(plan, null, 1)}\n`, signal);
      return {
        plan: stored,
        candidate_id: plan.chosen.candidate_id,
        prompt_strategy: plan.chosen.strategy,
        prompt_rationale: plan.chosen.rationale,
        prompt_cells: sum(plan.chosen.parts),
        query_cells: sum(plan.query_parts),
      };
    });
  };
}

/** The ranking's choice; the model's, where there is one and something to choose. A first prompt that is to be the worst stays so. */
async function choose({ atlases, compute, knowledge }: StepPorts, input: PromptInput, session: Session | null, signal: AbortSignal): Promise<PromptPlan> {
  const { config, structured_query: query } = input;
  const history = input.iterations.map(feedbackOf);
  const { plan, candidates } = await compute.run(
    "prompt",
    {
      places: placesOf(await atlases.open(config.datasets, signal), config),
      query,
      history,
      controlStrategy: input.control_strategy_effective,
      promptCells: config.prompt_cells,
      queryCells: config.query_cells,
      firstPrompt: config.first_prompt,
      seed: input.random_seed,
      knowledge,
    },
    signal,
  );
  const isGiven = config.first_prompt === "worst" && history.length === 0;
  if (session === null || isGiven || candidates.length < 2) return plan;
  const outcome = await orProblem(choosePromptByModel(session, { plan, candidates, query, history }, signal));
  return "result" in outcome ? outcome.result : { ...plan, model_problem: outcome.problem };
}

const feedbackOf = (past: PromptInput["iterations"][number]): IterationFeedback => ({
  iteration: past.iteration,
  candidate_id: past.candidate_id,
  strategy: past.prompt_strategy,
  score: past.score,
  component_scores: Object.fromEntries(Object.entries(past.component_scores).filter((entry): entry is [string, number] => entry[1] !== null)),
  feedback: past.feedback,
});
