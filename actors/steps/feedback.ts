import type { IterationFeedback } from "../../science/prompting/prompt-plan.ts";
import type { IterationSummary, TriedPrompt } from "../../services/runs/iteration.ts";

/** What prompting knows of an earlier iteration: each prompt that it tried. */
export const feedbackOf = (past: IterationSummary): IterationFeedback[] =>
  (past.prompts ?? [past]).map((tried) => feedbackOfPrompt(past.iteration, tried));

type Judged = Pick<
  TriedPrompt,
  | "candidate_id"
  | "prompt_strategy"
  | "prompt_rationale"
  | "score"
  | "component_scores"
  | "feedback"
>;

export const feedbackOfPrompt = (iteration: number, tried: Judged): IterationFeedback => ({
  iteration,
  candidate_id: tried.candidate_id,
  strategy: tried.prompt_strategy,
  rationale: tried.prompt_rationale,
  score: tried.score,
  component_scores: Object.fromEntries(
    Object.entries(tried.component_scores).filter(
      (entry): entry is [string, number] => entry[1] !== null,
    ),
  ),
  feedback: tried.feedback,
});
