import { z } from "zod";
import { type ModelChoice, withCandidates } from "../../science/prompting/choose-prompt.ts";
import type {
  IterationFeedback,
  PromptCandidate,
  PromptPlan,
} from "../../science/prompting/prompt-plan.ts";
import { quotableReason } from "../../science/query/model-choice-checks.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { type Accepted, ask, type Question } from "./ask.ts";
import type { Session } from "./session.ts";

export interface ChooseRequest {
  readonly plan: PromptPlan;
  /** Never tried in this run; at least one. */
  readonly candidates: readonly PromptCandidate[];
  readonly query: StructuredQuery;
  readonly history: readonly IterationFeedback[];
  /** Most prompts to try side by side; one unless it is said. */
  readonly prompts?: number;
}

const system = (
  choose: string,
): string => `You choose the prompt cells for a model that predicts how query cells respond to a perturbation: perturbed cells are shown to it, and it transfers their response to the query cells.
The data holds the understood question, the candidates in the order of a ranking, and what earlier iterations tried and scored, with feedback.
${choose} The ranking is sound: depart from it only for a biological reason or because of the feedback.
Prefer the same perturbation, cells of a near lineage, controls that resemble the query cells (control_similarity), and enough cells.`;

type Choices = readonly [ModelChoice, ...ModelChoice[]];
type Asked<Answer> = Pick<Question<Answer, Choices>, "name" | "system" | "schema" | "accept">;

/**
 * The plan with the candidates that the model chose, one or a set to try side by side in one request,
 * which can only be among those offered. Errors: those of `ask`.
 */
export async function choosePromptByModel(
  session: Session,
  { plan, candidates, query, history, prompts = 1 }: ChooseRequest,
  signal: AbortSignal,
): Promise<PromptPlan> {
  const byId = new Map(candidates.map((candidate) => [candidate.candidate_id, candidate]));
  const more = { data: { query, candidates, history }, tools: [] };
  const { value } =
    prompts === 1
      ? await ask(session, { ...one(byId), ...more }, signal)
      : await ask(session, { ...several(byId, prompts), ...more }, signal);
  return withCandidates(plan, value, session.model.name);
}

const choiceOf = (byId: ReadonlyMap<string, PromptCandidate>) =>
  z.strictObject({ candidate_id: z.enum([...byId.keys()]), reason: z.string() });
type Choice = z.infer<ReturnType<typeof choiceOf>>;

function taken(
  byId: ReadonlyMap<string, PromptCandidate>,
  choices: readonly Choice[],
): Accepted<Choices> {
  const [first, ...others] = choices.flatMap(({ candidate_id, reason }) => {
    const candidate = byId.get(candidate_id);
    return candidate === undefined ? [] : [{ candidate, reason: quotableReason(reason) }];
  });
  return first === undefined || others.length + 1 < choices.length
    ? { problem: "There is no such candidate." }
    : { result: [first, ...others] };
}

const one = (byId: ReadonlyMap<string, PromptCandidate>): Asked<Choice> => ({
  name: "chosen_prompt",
  system: `${system("Choose one candidate by its candidate_id.")}
In reason say in one or two sentences to a biologist why this candidate.`,
  schema: choiceOf(byId),
  accept: (choice) => taken(byId, [choice]),
});

const several = (
  byId: ReadonlyMap<string, PromptCandidate>,
  most: number,
): Asked<{ readonly chosen: readonly Choice[] }> => ({
  name: "chosen_prompts",
  system: `${system(`Choose ${Math.min(most, byId.size)} candidates by their candidate_id, each once, the most promising first: all are tried side by side, and the best prediction counts.`)}
Choose such as show different cells or follow different strategies: what two alike would predict, one predicts.
In reason say in one or two sentences to a biologist why this candidate.`,
  schema: z.strictObject({ chosen: z.array(choiceOf(byId)) }),
  accept({ chosen }) {
    if (chosen.length === 0 || chosen.length > most)
      return { problem: `Choose at least one and at most ${most} candidates.` };
    if (new Set(chosen.map(({ candidate_id }) => candidate_id)).size < chosen.length)
      return { problem: "Choose each candidate once." };
    return taken(byId, chosen);
  },
});
