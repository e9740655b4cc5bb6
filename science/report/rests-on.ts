import {
  MODEL_ROLES,
  type ModelRole,
  type Context,
  type StructuredQuery,
} from "../query/structured-query.ts";
import { isBroader } from "../query/unread-words.ts";
import { standInOf } from "../prompting/prompt-plan.ts";
import type { RunResult } from "./result.ts";
import { CONTROL_STRATEGY_REFERENCES, duration, list, plural, pValue } from "./wording.ts";
import { type Basis, type BasisFacts, caution, fact, shownIteration } from "./basis.ts";
import { modelOf, promptsOf, pooledOf, standInCaution, transferOf } from "./what-predicted.ts";

/** What is known so far, in the order in which it should be read. */
export function restsOn(facts: BasisFacts): readonly Basis[] {
  const { structured_query: query } = facts;
  return [
    ...modelOf(facts),
    ...standInCaution(facts),
    ...transferOf(facts),
    ...pooledOf(facts),
    ...promptsOf(facts),
    ...dataOf(facts),
    ...(query === null ? [] : howItWasRead(query)),
    ...controlOf(facts),
    ...confidenceOf(facts),
    ...undecidedOf(facts),
    ...(query?.literature_problem === undefined
      ? []
      : [caution("Literature", `Not searched: ${query.literature_problem}`)]),
    costOf(facts.usage),
  ];
}

/** What is said of the reading of the question. */
export const howItWasRead = (query: StructuredQuery): readonly Basis[] => [
  ...readingOf(query),
  ...contextOf(query),
  ...notUsedOf(query),
  ...contradictedOf(query),
];

/** What a delivered result knows of it. */
export const basisFacts = ({ atlas, model, iterations, ...result }: RunResult): BasisFacts => ({
  ...result,
  atlases: atlas,
  iterations: iterations.map(({ iteration, plan, prompts, mixture, grounding }) => ({
    iteration,
    prompts,
    mixture,
    expected_accuracy: result.expected_accuracy ?? undefined,
    model,
    transfer: plan.transfer,
    stand_in: standInOf(plan.chosen),
    pooled: plan.chosen.pooled,
    confidence: grounding.confidence,
    model_problems: (
      [
        ["likeness", plan.embedding_problem],
        ["prompt", plan.model_problem],
        ["judgement", grounding.model_problem],
      ] as const
    ).flatMap(([role, problem]) => (problem === undefined ? [] : [{ role, problem }])),
  })),
});

export const simulatedText = (datasets: readonly string[]): string =>
  `${list(datasets)} was made by a simulator, not measured in cells. Nothing here is biological evidence.`;

function dataOf({ atlases }: BasisFacts): Basis[] {
  const named = (wanted: boolean): string[] =>
    (atlases ?? []).filter(({ simulated }) => simulated === wanted).map(({ dataset }) => dataset);
  const [simulated, measured] = [named(true), named(false)];
  return [
    ...(simulated.length === 0 ? [] : [caution("Simulated data", simulatedText(simulated))]),
    ...(measured.length === 0 ? [] : [fact("Data", `Measured cells of ${list(measured)}.`)]),
  ];
}

const readingOf = (query: StructuredQuery): Basis[] =>
  query.ambiguities.map((ambiguity) => {
    const { field, text, chosen, alternatives } = ambiguity;
    const said = `“${text}” (${field.replace("_", " ")}) was`;
    if (isBroader(ambiguity, query))
      return caution("Broader", `${said} read as ${chosen}, broader than what was asked.`);
    const others =
      alternatives.length === 0 ? "" : `; it could also mean ${alternatives.join(", ")}`;
    return caution("Ambiguous", `${said} taken as ${chosen}${others}.`);
  });

/** What the question says of its cells; once, where it is said of the words in front of them too. */
const contextOf = ({
  context = [],
  ambiguities,
  not_used = [],
  tissue,
}: StructuredQuery): Basis[] =>
  context
    .filter(
      ({ kind, name }) => !(kind === "tissue" && name === tissue && not_used.includes("tissue")),
    )
    .flatMap(({ kind, text, chose, held }): Basis[] => {
      const said = `“${text}” (${kind.replace("_", " ")})`;
      if (chose === "cell_type") return [];
      if (chose !== null)
        return [
          fact("Context", `${said} chose the cells: ${chose.column} is ${list(chose.values)}.`),
        ];
      const isSaid = ambiguities.some(
        (each) =>
          each.field === "cell_type" && each.alternatives.length === 0 && each.text.includes(text),
      );
      if (isSaid && held === undefined) return [];
      const why =
        held === undefined
          ? `the atlas does not tell cells apart by ${NOT_TOLD[kind]}`
          : `the asked cells of the atlas have ${list(held)}`;
      return [caution("Not used", `${said} chose no cells: ${why}.`)];
    });

const contradictedOf = ({ contradicted, perturbation }: StructuredQuery): Basis[] =>
  contradicted === undefined
    ? []
    : [
        caution(
          "Expectations contradicted",
          `${contradicted.genes.length} of the ${contradicted.of} expected genes that change under ${perturbation.name} in measured cells of the atlas (${list(contradicted.cell_types.slice(0, MOST_TYPES))}) go the other way (P ${pValue(contradicted.p_value)}): ${list(contradicted.genes.slice(0, MOST_GENES))}. What the score says of expected genes and pathways rests on a list that these data do not bear out.`,
        ),
      ];
const MOST_TYPES = 5;
const MOST_GENES = 8;

const NOT_TOLD: Readonly<Record<Context["kind"], string>> = {
  species: "species",
  tissue: "tissue",
  disease: "disease",
  donor_group: "groups of donors",
  background: "what was done to them before",
  marker: "this marker",
};

const notUsedOf = (query: StructuredQuery): Basis[] =>
  (query.not_used ?? []).map((field) =>
    caution(
      "Not used",
      field === "donor"
        ? `“${query.donor ?? field}” (donor) chose no cells: no asked cells of the atlas are of that donor.`
        : `“${query[field] ?? field}” (${field}) chose no cells: the atlas does not tell cells apart by ${field} here.`,
    ),
  );

function controlOf({ control_strategy_effective: used, structured_query }: BasisFacts): Basis[] {
  if (used === null) return [];
  const text = `${used}: the prediction is compared with ${CONTROL_STRATEGY_REFERENCES[used]}.`;
  const fallback = structured_query?.control_strategy_fallback;
  return [
    fallback
      ? caution("Control", `${text} ${fallback.requested} was asked for. ${fallback.reason}`)
      : fact("Control", text),
  ];
}

const confidenceOf = (facts: BasisFacts): Basis[] =>
  shownIteration(facts)?.confidence === "lower"
    ? [caution("Lower confidence", "The report says what lowers confidence in this score.")]
    : [];

const DECIDED_INSTEAD: Readonly<Record<ModelRole, string>> = {
  question: "rules read the question",
  likeness: "names were compared by their letters",
  prompt: "the ranking chose the prompt cells",
  judgement: "the score has no second opinion",
};

/** Each thing that did not come from the model, once, with what the model's side said last. */
function undecidedOf({ structured_query, iterations }: BasisFacts): Basis[] {
  const problems = new Map<ModelRole, string>();
  if (structured_query?.model_problem !== undefined)
    problems.set("question", structured_query.model_problem);
  for (const { model_problems = [] } of iterations)
    for (const { role, problem } of model_problems) problems.set(role, problem);
  if (problems.size === 0) return [];
  const instead = MODEL_ROLES.filter((role) => problems.has(role)).map(
    (role) => DECIDED_INSTEAD[role],
  );
  const last = [...problems.values()].at(-1) ?? "";
  return [
    caution(
      "Language model",
      `One is configured and did not decide everything: ${list(instead)} (${last.replace(/\.$/, "")}).`,
    ),
  ];
}

function costOf({
  gpu_seconds,
  gpu_cost_usd,
  llm_tokens,
  llm_cost_usd,
}: BasisFacts["usage"]): Basis {
  const parts = [
    gpu_seconds === 0 && gpu_cost_usd === 0
      ? "no GPU was used"
      : `${duration(gpu_seconds)} of GPU, ${usd(gpu_cost_usd)}`,
  ];
  if (llm_tokens > 0)
    parts.push(`language model ${plural(llm_tokens, "token")}, ${usd(llm_cost_usd)}`);
  return fact("Cost", `${parts.join("; ")}.`.replace(/^n/, "N"));
}

/** Cents, and fractions of them where there are no whole ones. */
const usd = (amount: number): string =>
  `${amount.toFixed(amount > 0 && amount < 0.01 ? 4 : 2)} USD`;
