import { z } from "zod";
import type { QuestionCheck } from "../../actors/check-question.ts";
import type { RunEstimator } from "../../actors/run-estimator.ts";
import { HaystackError } from "../../errors.ts";
import { given } from "../../given.ts";
import {
  PROMPT_STRATEGIES,
  standInOf,
  type PromptPlan,
} from "../../science/prompting/prompt-plan.ts";
import { repairsOf } from "../../science/query/repairs.ts";
import {
  controlStrategySchema,
  readerSchema,
  structuredQuerySchema,
  type StructuredQuery,
} from "../../science/query/structured-query.ts";
import { standInText } from "../../science/report/what-predicted.ts";
import type { RunConfig } from "../../services/runs/document.ts";
import { errorBodySchema } from "../errors.ts";

/** What a check of a question answers, in the API and the command line. */

const rangeSchema = z.object({
  low: z.number().min(0),
  likely: z.number().min(0),
  high: z.number().min(0),
});

const estimateSchema = z
  .object({
    minutes: rangeSchema
      .nullable()
      .describe("From admission to the delivered files; null where nothing tells it"),
    usd: rangeSchema
      .nullable()
      .describe(
        "US dollars of GPU jobs, and of the language model where it is included; 0 where nothing is paid for, null where what predicts has no price",
      ),
    language_model: z
      .enum(["none", "included", "not_known"])
      .describe("Whether usd holds what the language model costs"),
    rests_on: z
      .enum(["assumptions", "measured_runs"])
      .nullable()
      .describe("What the times are from: completed runs of this deployment once there are some"),
    runs: z.number().int().min(0).describe("How many completed runs it rests on"),
    in_words: z.string(),
  })
  .meta({ id: "RunEstimate" });

const promptSchema = z.object({
  strategy: z.enum(PROMPT_STRATEGIES),
  rationale: z.string(),
  prompt_cells: z.number().int(),
  query_cells: z.number().int(),
  stand_in: z
    .string()
    .optional()
    .describe("That another perturbation stands in for the asked one; absent where none does"),
});

export const checkSchema = z
  .object({
    answerable: z
      .boolean()
      .describe("False too where a name was repaired: ask again with the name that is meant"),
    did_you_mean: z
      .array(
        z.object({
          field: z.enum(["cell_type", "perturbation"]),
          text: z.string().describe("As the question writes it"),
          names: z.array(z.string()).describe("What could be meant, the nearest first"),
        }),
      )
      .describe("A run goes on where one name alone is near, and says so"),
    read_by: readerSchema.describe(
      "What interpreted the question for this check: the rules, because a language model costs money",
    ),
    read_in_run_by: readerSchema.describe(
      "What interprets it first in a run: the language model if one is configured",
    ),
    structured_query: structuredQuerySchema
      .nullable()
      .describe(
        "Null if the rules cannot interpret the question; the language model of a run still may",
      ),
    control_strategy_effective: controlStrategySchema.nullable(),
    control_cells_available: z.boolean().nullable(),
    prompt: promptSchema
      .nullable()
      .describe("The cells that the first iteration would show the model"),
    estimate: estimateSchema
      .nullable()
      .optional()
      .describe(
        "What a run of it will take; null where the question cannot be answered. Servers of earlier releases do not say",
      ),
    problem: errorBodySchema.pick({ error: true, message: true, details: true }).nullable(),
  })
  .meta({ id: "QuestionCheck" });

const sum = (parts: readonly { readonly n_cells: number }[]): number =>
  parts.reduce((total, { n_cells }) => total + n_cells, 0);
const promptOf = (
  { chosen, query_parts }: PromptPlan,
  query: StructuredQuery,
): NonNullable<ShownCheck["prompt"]> => {
  const standIn = standInOf(chosen);
  return {
    strategy: chosen.strategy,
    rationale: chosen.rationale,
    prompt_cells: sum(chosen.parts),
    query_cells: sum(query_parts),
    ...(standIn === undefined ? {} : { stand_in: standInText(standIn, query) }),
  };
};

export type ShownCheck = z.infer<typeof checkSchema>;

/** Of the checks; the first prompt does not depend on it. */
export const CHECK_SEED = 0;

/** What names of a question were repaired to. */
export const didYouMean = (query: StructuredQuery | null): ShownCheck["did_you_mean"] =>
  (query === null ? [] : repairsOf(query)).map(({ field, text, name }) => ({
    field,
    text,
    names: [name],
  }));

/** Of a question that was read; of one that was not the run itself says what is wrong. */
export const onlyRepairs = ({
  structured_query,
  estimate,
}: ShownCheck): Pick<ShownCheck, "did_you_mean" | "estimate"> => ({
  did_you_mean: didYouMean(structured_query),
  ...given({ estimate }),
});

/** A repaired name is asked back: the question is not answerable until it is written as it is meant. */
export async function shownCheck(
  check: QuestionCheck,
  config: RunConfig,
  { hasModel, estimate }: { readonly hasModel: boolean; readonly estimate: RunEstimator },
): Promise<ShownCheck> {
  const query = check.understood?.structured_query ?? null;
  const repairs = query === null ? [] : repairsOf(query);
  const problem = check.answerable ? repairProblem(repairs) : check.problem;
  return {
    answerable: problem === null,
    did_you_mean: [...didYouMean(query), ...(check.answerable ? [] : nearestNames(check.problem))],
    read_by: "rules",
    read_in_run_by: hasModel ? "language_model" : "rules",
    structured_query: query,
    control_strategy_effective: check.understood?.control_strategy_effective ?? null,
    control_cells_available: check.understood?.control_cells_available ?? null,
    prompt: check.answerable ? promptOf(check.plan, check.understood.structured_query) : null,
    estimate: check.answerable
      ? await estimate({ config, strategy: check.understood.control_strategy_effective })
      : null,
    problem:
      problem === null
        ? null
        : {
            error: problem.code,
            message: problem.message,
            ...given({ details: problem.details }),
          },
  };
}

function repairProblem(repairs: ReturnType<typeof repairsOf>): HaystackError | null {
  const [first] = repairs;
  if (first === undefined) return null;
  const meant = repairs.map(({ text, name }) => `${name} by "${text}"`).join(" and ");
  return new HaystackError(
    first.field === "cell_type" ? "CELL_TYPE_UNKNOWN" : "PERTURBATION_UNKNOWN",
    `Did you mean ${meant}? Write it so; a run of the question as it is would take it for that.`,
    { details: { unknown: first.text, nearest: repairs.map(({ name }) => name) } },
  );
}

const unknownSchema = z.object({ unknown: z.string(), nearest: z.array(z.string()).min(1) });

/** Of an unknown name the names that are near to it. */
function nearestNames({ code, details }: HaystackError): ShownCheck["did_you_mean"] {
  const known = unknownSchema.safeParse(details);
  const field = code === "CELL_TYPE_UNKNOWN" ? "cell_type" : "perturbation";
  return known.success ? [{ field, text: known.data.unknown, names: known.data.nearest }] : [];
}
