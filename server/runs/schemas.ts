import { z } from "zod";
import { restsOn } from "../../science/report/rests-on.ts";
import { runDocumentSchema, type RunDocument } from "../../services/runs/document.ts";
import { LONGEST_QUESTION } from "../../science/query/question-text.ts";

export const basisSchema = z
  .array(
    z.object({
      title: z.string(),
      text: z.string(),
      caution: z.boolean().describe("Must be known before the answer is used"),
    }),
  )
  .describe("What the answer rests on, as far as it is known, in the order to read it");

/** The run as the API shows it: the stored public document, and what it rests on. */
export const runSchema = runDocumentSchema.extend({ rests_on: basisSchema }).meta({ id: "Run" });

export const shownRun = (document: RunDocument): z.infer<typeof runSchema> => ({
  ...document,
  rests_on: [...restsOn(document)],
});

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
