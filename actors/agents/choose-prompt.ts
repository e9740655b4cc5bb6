import { z } from "zod";
import { withCandidate } from "../../science/prompting/choose-prompt.ts";
import type {
  IterationFeedback,
  PromptCandidate,
  PromptPlan,
} from "../../science/prompting/prompt-plan.ts";
import { quotableReason } from "../../science/query/model-choice-checks.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { ask } from "./ask.ts";
import type { Session } from "./session.ts";

export interface ChooseRequest {
  readonly plan: PromptPlan;
  /** Never tried in this run; at least one. */
  readonly candidates: readonly PromptCandidate[];
  readonly query: StructuredQuery;
  readonly history: readonly IterationFeedback[];
}

const SYSTEM = `You choose the prompt cells for a model that predicts how query cells respond to a perturbation: perturbed cells are shown to it, and it transfers their response to the query cells.
The data holds the understood question, the candidates in the order of a ranking, and what earlier iterations tried and scored, with feedback.
Choose one candidate by its candidate_id. The ranking is sound: depart from it only for a biological reason or because of the feedback.
Prefer the same perturbation, cells of a near lineage, controls that resemble the query cells (control_similarity), and enough cells.
In reason say in one or two sentences to a biologist why this candidate.`;

/**
 * The plan with the candidate that the model chose, which can only be one of those offered. Errors:
 * those of `ask`.
 */
export async function choosePromptByModel(
  session: Session,
  { plan, candidates, query, history }: ChooseRequest,
  signal: AbortSignal,
): Promise<PromptPlan> {
  const byId = new Map(candidates.map((candidate) => [candidate.candidate_id, candidate]));
  const { value } = await ask(
    session,
    {
      name: "chosen_prompt",
      system: SYSTEM,
      data: { query, candidates, history },
      tools: [],
      schema: z.strictObject({ candidate_id: z.enum([...byId.keys()]), reason: z.string() }),
      accept({ candidate_id, reason }) {
        const candidate = byId.get(candidate_id);
        return candidate === undefined
          ? { problem: "There is no such candidate." }
          : {
              result: withCandidate(plan, candidate, {
                model: session.model.name,
                reason: quotableReason(reason),
              }),
            };
      },
    },
    signal,
  );
  return value;
}
