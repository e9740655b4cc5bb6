import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type {
  CurrentRound,
  EvaluateInput,
  EvaluateOutput,
  ObjectReference,
} from "../../machines/run-types.ts";
import { given } from "../../given.ts";
import { literatureFindings } from "../../science/grounding/literature-subjects.ts";
import { meaningOf } from "../../science/grounding/meaning.ts";
import { geneSetPage } from "../../science/knowledge/gene-sets.ts";
import type { PromptPlan } from "../../science/prompting/prompt-plan.ts";
import { readingSentence } from "../../science/report/reading.ts";
import type { LiteratureAnswer } from "../../services/literature/index.ts";
import type { IterationSummary } from "../../services/runs/document.ts";
import { journalOf } from "../agents/journalled.ts";
import { judge } from "../agents/judge.ts";
import { orProblem, withModel, type Session } from "../agents/session.ts";
import { iterationObjects } from "../run-objects.ts";
import type { Effect } from "../host/step.ts";
import type { EvaluateTask, Evaluation } from "../tasks/evaluation.ts";
import type { StepPorts } from "../ports.ts";
import { foresee } from "./foresee.ts";
import { plausibilityScale } from "./plausibility-scale.ts";
import { predictResponse, type PredictedRound } from "./predict-response.ts";

const SHOWN = 10;

/**
 * Judges the predictions of this iteration; the evidence goes to an object, a summary into the run.
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
  const { objects } = ports;
  const { run_id, iteration, structured_query, round } = input;
  const paths = iterationObjects(run_id, iteration);
  if (round.predictions === null) throw new Error("There are no predictions to evaluate.");
  const queryCells = await objects.fetch({ path: paths.query }, signal);
  const { file, response } = await storeResponse(
    ports,
    {
      run_id,
      iteration,
      plan: round.plan,
      predictions: round.predictions,
      control_predictions: round.control_predictions,
      random_seed: input.random_seed,
    },
    signal,
  );
  const { chosen, transfer } = JSON.parse(
    await readFile(await objects.fetch(round.plan, signal), "utf8"),
  ) as PromptPlan;
  const { config } = input;
  const scale = await plausibilityScale(ports, { config, query: structured_query, chosen }, signal);
  const byCode = await evaluateByCode(
    ports,
    input,
    {
      structured_query,
      response: file,
      queryCells,
      promptCells: round.prompt_cells,
      controlStrategyEffective: input.control_strategy_effective,
      seed: input.random_seed,
      knowledge: ports.knowledge,
      scale,
    },
    signal,
  );
  const evaluation =
    session === null || byCode.grounding.evidence.length === 0
      ? byCode
      : await withModelScores(session, structured_query, byCode, signal);
  const stored = await objects.putText(
    paths.evaluation,
    `${JSON.stringify(evaluation, null, 1)}\n`,
    signal,
  );
  const { grounding, top_genes, enriched } = evaluation;
  const reading = readingSentence(structured_query, chosen.reads);
  const summary: IterationSummary = {
    iteration,
    prompt_strategy: round.prompt_strategy,
    prompt_rationale: round.prompt_rationale,
    candidate_id: round.candidate_id,
    prompt_cells: round.prompt_cells,
    query_cells: round.query_cells,
    model: ports.batch.model,
    ...problemsOf(round, grounding),
    score: grounding.score,
    ...given({ raw_score: grounding.raw_score, scale: grounding.scale, transfer }),
    component_scores: Object.fromEntries(
      grounding.components.map(({ name, score }) => [name, score]),
    ),
    confidence: grounding.confidence,
    verdict: meaningOf(grounding, top_genes.length > 0),
    ...(reading === null ? {} : { reading }),
    feedback: [...grounding.feedback],
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
  };
  return {
    evaluation: stored,
    response,
    summary: { ...summary, ...(await foresee(ports, input, { summary, chosen }, signal)) },
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

/** Computed once, for this step and for the one that writes the results. */
async function storeResponse(
  ports: StepPorts,
  predicted: PredictedRound,
  signal: AbortSignal,
): Promise<{ readonly file: string; readonly response: ObjectReference }> {
  const { objects } = ports;
  const folder = await objects.scratch();
  try {
    const output = join(folder, "response.h5ad");
    await predictResponse(ports, { ...predicted, output }, signal);
    const path = iterationObjects(predicted.run_id, predicted.iteration).response;
    const response = await objects.put(path, output, signal);
    return { response, file: await objects.fetch(response, signal) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Judges once to know which genes to look for in the literature, and again with what it says. */
async function evaluateByCode(
  { compute, literature, runs, clock }: StepPorts,
  { run_id, iteration }: EvaluateInput,
  task: EvaluateTask,
  signal: AbortSignal,
): Promise<Evaluation> {
  const before = await compute.run("evaluate", task, signal);
  if (literature === undefined) return before;
  const { structured_query, knowledge } = task;
  const request = await compute.run(
    "literatureSubjects",
    { structured_query, knowledge, top_genes: before.top_genes },
    signal,
  );
  const answer: LiteratureAnswer = await journalOf(
    { runs, clock },
    { run_id, step: "evaluate", iteration },
    "literature",
  ).once([request], () => literature.search(request, signal), signal);
  return compute.run(
    "evaluate",
    {
      ...task,
      literature:
        answer.status === "searched"
          ? literatureFindings(answer.findings)
          : { unavailable: answer.reason },
    },
    signal,
  );
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
