import { readFile } from "node:fs/promises";
import { pairsOf, pairsOfPrompts } from "../../machines/job-id.ts";
import type { CurrentRound } from "../../machines/run-types.ts";
import type { EvaluateInput, EvaluateOutput } from "../../machines/step-types.ts";
import { given } from "../../given.ts";
import type { ExpectedAccuracy } from "../../science/accuracy/accuracy-schema.ts";
import { bestPrompt } from "../../science/accuracy/best-prompt.ts";
import { meaningOf } from "../../science/grounding/meaning.ts";
import { geneSetPage } from "../../science/knowledge/gene-sets.ts";
import type { PromptPlan } from "../../science/prompting/prompt-plan.ts";
import { standInOf } from "../../science/prompting/prompt-plan.ts";
import { readingSentence } from "../../science/report/reading.ts";
import type { IterationSummary, TriedPrompt } from "../../services/runs/iteration.ts";
import { judge } from "../agents/judge.ts";
import { orProblem, withModel, type Session } from "../agents/session.ts";
import { iterationObjects } from "../run-objects.ts";
import type { Effect } from "../host/step.ts";
import type { Evaluation } from "../tasks/evaluation.ts";
import type { Foresight } from "../tasks/outlook.ts";
import type { StepPorts } from "../ports.ts";
import { feedbackOf, feedbackOfPrompt } from "./feedback.ts";
import { foresee, outlookOf } from "./foresee.ts";
import {
  type JudgedPrompt,
  judgedName,
  judgePrompt,
  mixtureOf,
  promptsOfRound,
} from "./judge-prompt.ts";

const SHOWN = 10;

/**
 * Judges the predictions of this iteration, of several prompts each; the evidence goes to objects, a
 * summary into the run. The best counts; it alone is put to the language model.
 */
export function evaluate(ports: StepPorts): Effect<EvaluateInput, EvaluateOutput> {
  return (input, { signal, waits }) => {
    const { run_id, iteration, model_spent: spent } = input;
    const key = { run_id, step: "evaluate", iteration } as const;
    return withModel(ports, key, { spent, waits }, (session) =>
      evaluateRound(ports, input, session, signal),
    );
  };
}

async function evaluateRound(
  ports: StepPorts,
  input: EvaluateInput,
  session: Session | null,
  signal: AbortSignal,
): Promise<EvaluateOutput> {
  const { run_id, iteration, structured_query, round, iterations = [] } = input;
  const plan = JSON.parse(
    await readFile(await ports.objects.fetch(round.plan, signal), "utf8"),
  ) as PromptPlan;
  const judged: JudgedPrompt[] = [];
  for (const prompt of promptsOfRound(round, plan))
    judged.push(await judgePrompt(ports, input, prompt, signal));
  const tried = judged.map((each) => toldOf(structured_query, each));
  const { expected, mixture, accuracy_may_improve } = await foresee(
    ports,
    input,
    {
      prompts: judged.map(({ chosen }) => chosen),
      history: [
        ...iterations.flatMap(feedbackOf),
        ...tried.map((each) => feedbackOfPrompt(iteration, each)),
      ],
      tried: iterations.flatMap(({ prompts, expected_accuracy }) =>
        (prompts ?? [{ expected_accuracy }]).flatMap((each) => each.expected_accuracy ?? []),
      ),
    },
    signal,
  );
  const prompts = tried.map((each, at) => ({ ...each, expected_accuracy: expected[at]! }));
  const outcomes = prompts.map((told, place) => ({ told, of: judged[place]! }));
  const alone = bestOf(outcomes);
  const mixed = await judgeMixture(ports, input, { mixture, judged, alone }, signal);
  const { of: best, told: summary } = mixed === null ? alone : bestOf([alone, mixed]);
  const byCode = best.evaluation;
  const evaluation =
    session === null || byCode.grounding.evidence.length === 0
      ? byCode
      : await withModelScores(session, structured_query, byCode, signal);
  const stored = await ports.objects.putText(
    iterationObjects(run_id, iteration).evaluation(judgedName(best)),
    `${JSON.stringify(evaluation, null, 1)}\n`,
    signal,
  );
  const { grounding, top_genes, enriched } = evaluation;
  return {
    evaluation: stored,
    response: best.response,
    ...given({ pairs: best.pairs, mixed: best.mixed }),
    summary: {
      ...summary,
      iteration,
      query_cells: round.query_cells,
      ...(best.pairs === undefined
        ? {}
        : { prompts: outcomes.map(({ told, of }) => ({ ...told, ...of.pairs! })) }),
      ...(best.mixed === undefined
        ? {}
        : {
            mixture: {
              predictions: best.mixed.map(({ prediction }) => prediction),
              alone: alone.told.expected_accuracy,
            },
          }),
      model: ports.batch.model,
      ...foundIn(round),
      ...problemsOf(round, grounding),
      ...given({ outlook: outlookOf(input, summary, accuracy_may_improve) }),
      top_genes: top_genes
        .slice(0, SHOWN)
        .map(({ gene, log2_fold_change }) => ({ gene, log2_fold_change })),
      enriched_pathways: enriched
        .filter(({ alike }) => alike === undefined)
        .slice(0, SHOWN)
        .map(({ id, name, direction, p_adjusted }) => ({
          id,
          name,
          direction,
          p_adjusted,
          url: geneSetPage(id),
        })),
    },
  };
}

interface Outcome {
  readonly told: ReturnType<typeof toldOf> & { readonly expected_accuracy: ExpectedAccuracy };
  readonly of: JudgedPrompt;
}

const bestOf = (outcomes: readonly Outcome[]): Outcome =>
  outcomes[bestPrompt(outcomes.map(({ told, of }) => ({ ...told, reads: of.chosen.reads ?? 0 })))]!;

/** Null where nothing is mixed: no mixture promises more, or a prompt reads the answer. */
async function judgeMixture(
  ports: StepPorts,
  input: EvaluateInput,
  {
    mixture,
    judged,
    alone,
  }: {
    readonly mixture: Foresight["mixture"];
    readonly judged: readonly JudgedPrompt[];
    readonly alone: Outcome;
  },
  signal: AbortSignal,
): Promise<Outcome | null> {
  if (mixture === null || alone.of.chosen.reads === 1) return null;
  const members = mixture.places.map((place) => judged[place]!);
  const of = await judgePrompt(ports, input, mixtureOf(members), signal);
  return {
    of,
    told: { ...toldOf(input.structured_query, of), expected_accuracy: mixture.expected },
  };
}

/** Why a prompt was chosen and how it did. */
function toldOf(
  query: EvaluateInput["structured_query"],
  { told, chosen, transfer, evaluation: { grounding, top_genes } }: JudgedPrompt,
): Omit<TriedPrompt, "prediction" | "control" | "expected_accuracy"> {
  const reading = readingSentence(query, chosen.reads);
  const standIn = standInOf(chosen);
  return {
    ...told,
    score: grounding.score,
    ...given({ raw_score: grounding.raw_score, scale: grounding.scale, transfer }),
    component_scores: Object.fromEntries(
      grounding.components.map(({ name, score }) => [name, score]),
    ),
    confidence: grounding.confidence,
    verdict: meaningOf(grounding, top_genes.length > 0),
    ...(reading === null ? {} : { reading }),
    ...given({ stand_in: standIn, pooled: chosen.pooled }),
    feedback: [...grounding.feedback],
  };
}

function foundIn({ found, prompts }: CurrentRound): Pick<IterationSummary, "found_predictions"> {
  if (found === undefined) return {};
  const pairs = prompts === undefined ? pairsOf("round") : pairsOfPrompts(prompts);
  return {
    found_predictions: pairs.flatMap((prediction) => {
      const where = found[prediction];
      return where === undefined
        ? []
        : [{ prediction, run_id: where.run_id, iteration: where.iteration }];
    }),
  };
}

function problemsOf(
  { model_problems = [] }: CurrentRound,
  { model_problem }: Evaluation["grounding"],
): Pick<IterationSummary, "model_problems"> {
  const all = [
    ...model_problems,
    ...(model_problem === undefined
      ? []
      : [{ role: "judgement" as const, problem: model_problem }]),
  ];
  return all.length === 0 ? {} : { model_problems: all };
}

/** The model's scores stand beside those of the code, which alone make the composite. */
async function withModelScores(
  session: Session,
  query: EvaluateInput["structured_query"],
  evaluation: Evaluation,
  signal: AbortSignal,
): Promise<Evaluation> {
  const outcome = await orProblem(judge(session, query, evaluation, signal));
  const beside =
    "result" in outcome ? { model_scores: outcome.result } : { model_problem: outcome.problem };
  return { ...evaluation, grounding: { ...evaluation.grounding, ...beside } };
}
