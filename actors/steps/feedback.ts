import type { IterationFeedback } from "../../science/prompting/prompt-plan.ts";
import type { IterationSummary } from "../../services/runs/document.ts";

/** What prompting knows of an earlier iteration. */
export const feedbackOf = (past: IterationSummary): IterationFeedback => ({
  iteration: past.iteration,
  candidate_id: past.candidate_id,
  strategy: past.prompt_strategy,
  rationale: past.prompt_rationale,
  score: past.score,
  component_scores: Object.fromEntries(
    Object.entries(past.component_scores).filter(
      (entry): entry is [string, number] => entry[1] !== null,
    ),
  ),
  feedback: past.feedback,
});
