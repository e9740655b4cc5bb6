import { z } from "zod";
import { jobSchema } from "../../actors/run-details.ts";
import { runDocumentSchema } from "../../services/runs/document.ts";
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

/** What the inference program said, attempt by attempt. */
export const jobOutputsSchema = z
  .object({
    run_id: z.string(),
    jobs: z.array(
      jobSchema
        .pick({
          job_id: true,
          iteration: true,
          kind: true,
          attempt: true,
          state: true,
          problem: true,
        })
        .extend({
          output: z.string().nullable().describe("stdout and stderr; null where it is elsewhere"),
          elsewhere: z.string().nullable().describe("Where else to look, or why there is nothing"),
        }),
    ),
  })
  .meta({ id: "JobOutputs" });

export type JobOutputs = z.infer<typeof jobOutputsSchema>;

const interrupted = z.boolean().describe("It has work to do, and nobody hosts it");

/** Who else may read a run. */
export const sharesSchema = z
  .object({
    shares: z.array(
      z.object({
        user: z.string().describe("E-mail address"),
        shared_by: z.string(),
        shared_at: z.iso.datetime(),
      }),
    ),
  })
  .meta({ id: "Shares" });

/** One run with all that its user may know of it. */
export const runStatusSchema = runSchema
  .extend({
    interrupted,
    shared_with_you: z
      .boolean()
      .optional()
      .describe(
        "The run is somebody else's, who lets you read it; servers of earlier releases do not tell it",
      ),
    shared_with: z
      .array(z.string())
      .optional()
      .describe("Who else may read it; told to its owner and to administrators"),
    waits_for: z.string().nullable().describe("Null at rest"),
    waits_until: z.iso
      .datetime()
      .nullable()
      .optional()
      .describe(
        "Until when the present attempts at its jobs may take: one without a machine by then is given up, one that got its machine late may run on for its whole time, and a further attempt has a time of its own. Null where there is no such time; servers of earlier releases do not tell it",
      ),
    hosted_by: z
      .string()
      .nullable()
      .optional()
      .describe(
        "The daemon that has it; null without one; servers of earlier releases do not tell it",
      ),
    jobs: z.array(jobSchema).describe("Every attempt at its inference jobs"),
  })
  .meta({ id: "RunStatus" });
export type RunStatusShown = z.infer<typeof runStatusSchema>;

/** What a list or an event stream shows of a run. */
export const runSummarySchema = runDocumentSchema
  .pick({
    run_id: true,
    user_email: true,
    query: true,
    status: true,
    current_phase: true,
    current_iteration: true,
    held_jobs: true,
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

/** What a stream of several runs shows of each. */
export const followedRunSchema = runSummarySchema
  .extend({
    is_judged: z
      .boolean()
      .optional()
      .describe("False where no component of the score could be measured: it says nothing"),
    ...runDocumentSchema.pick({ name: true, labels: true }).shape,
    /** Servers of earlier releases do not tell it. */
    usage: runDocumentSchema.shape.usage.optional(),
  })
  .meta({ id: "FollowedRun" });

/** What a list shows of a run. */
export const listedRunSchema = followedRunSchema.extend({ interrupted }).meta({ id: "ListedRun" });

export const runParams = z.object({ id: z.string().min(1).max(200).describe("Id of the run") });

/** Beyond it a question is no question; up to it the answer says how long one may be. */
const LONGEST_TEXT = 16_777_216;

/** A time that a request names. */
export const timeSchema = z.iso.datetime().max(40);

export const querySchema = z
  .string()
  .max(LONGEST_TEXT)
  .meta({
    description: `The question, at most ${LONGEST_QUESTION} characters`,
    examples: ["How would CD14+ monocytes respond to IFN-beta?"],
  });
