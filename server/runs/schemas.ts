import { z } from "zod";
import { runDocumentSchema } from "../../services/runs/document.ts";
import { LONGEST_QUESTION } from "../../science/query/question-text.ts";

/** The run as the API shows it: the stored public document. */
export const runSchema = runDocumentSchema.meta({ id: "Run" });

/** What a list or an event stream shows of a run. */
export const runSummarySchema = runDocumentSchema
  .pick({
    run_id: true,
    user_email: true,
    query: true,
    status: true,
    current_phase: true,
    current_iteration: true,
    grounding_scores: true,
    final_score: true,
    expected_accuracy: true,
    termination_reason: true,
    error_message: true,
    created_at: true,
    started_at: true,
    updated_at: true,
    completed_at: true,
  })
  .meta({ id: "RunSummary" });

export const runParams = z.object({ id: z.string().min(1).max(200).describe("Id of the run") });

export const querySchema = z.string().meta({
  description: `The question, at most ${LONGEST_QUESTION} characters`,
  examples: ["How would CD14+ monocytes respond to IFN-beta?"],
});
