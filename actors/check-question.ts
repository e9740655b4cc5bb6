import { given } from "../given.ts";
import { HaystackError, type ErrorCode } from "../errors.ts";
import type { AnalyzeOutput } from "../machines/step-types.ts";
import type { PromptPlan } from "../science/prompting/prompt-plan.ts";
import { questionText } from "../science/query/question-text.ts";
import type { RunConfig } from "../services/runs/document.ts";
import { settled } from "./steps/analyze.ts";
import { openPlaces, type StepPorts } from "./ports.ts";

export type QuestionCheck =
  | { readonly answerable: true; readonly understood: AnalyzeOutput; readonly plan: PromptPlan }
  | {
      readonly answerable: false;
      readonly understood: AnalyzeOutput | null;
      readonly problem: HaystackError;
    };

/** What stands between a question and its answer; other errors are no answer to the check. */
const PROBLEMS: ReadonlySet<ErrorCode> = new Set([
  "QUESTION_NOT_UNDERSTOOD",
  "CELL_TYPE_UNKNOWN",
  "PERTURBATION_UNKNOWN",
  "CELL_TYPE_NOT_IN_ATLAS",
  "NO_PROMPT_CELLS",
  "ATLAS_NOT_FOUND",
]);

/**
 * What a run would understand and which cells it would show the model first, by rules alone:
 * nothing is spent and nothing stored. It ends with the signal.
 * Errors: QUESTION_EMPTY, QUESTION_TOO_LONG.
 */
export async function checkQuestion(
  { atlases, compute, knowledge }: Pick<StepPorts, "atlases" | "compute" | "knowledge">,
  query: string,
  config: RunConfig,
  seed: number,
  signal?: AbortSignal,
): Promise<QuestionCheck> {
  questionText(query);
  let understood: AnalyzeOutput | null = null;
  try {
    const places = await openPlaces(atlases, config, signal);
    understood = settled(
      await compute.run(
        "analyze",
        {
          query,
          atlases: places,
          knowledge,
          ...given({ exactLabels: config.exact_labels }),
        },
        signal,
      ),
      config,
    );
    const asked = {
      places,
      query: understood.structured_query,
      history: [],
      controlStrategy: understood.control_strategy_effective,
      promptCells: config.prompt_cells,
      queryCells: config.query_cells,
      firstPrompt: config.first_prompt,
      seed,
      knowledge,
    };
    const { plan } = await compute.run("prompt", asked, signal);
    return { answerable: true, understood, plan };
  } catch (thrown) {
    if (thrown instanceof HaystackError && PROBLEMS.has(thrown.code))
      return { answerable: false, understood, problem: thrown };
    throw thrown;
  }
}
