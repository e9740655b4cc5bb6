import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectReference, PromptPairs } from "../../machines/pair-types.ts";
import { predictionsOf } from "../../machines/run-actions.ts";
import type { CurrentRound, RoundPrompt } from "../../machines/run-types.ts";
import type { EvaluateInput } from "../../machines/step-types.ts";
import { given } from "../../given.ts";
import { literatureFindings } from "../../science/grounding/literature-subjects.ts";
import { mixedPrompt } from "../../science/prompting/mixed-prompts.ts";
import {
  standInOf,
  type PlannedPrompt,
  type PromptPlan,
} from "../../science/prompting/prompt-plan.ts";
import type { LiteratureAnswer } from "../../services/literature/index.ts";
import { journalOf } from "../agents/journalled.ts";
import { plannedPrompt } from "../round-prompts.ts";
import { iterationObjects, type JudgedName } from "../run-objects.ts";
import type { EvaluateTask, Evaluation } from "../tasks/evaluation.ts";
import type { StepPorts } from "../ports.ts";
import { plausibilityScale } from "./plausibility-scale.ts";
import { predictResponse, type PredictedRound } from "./predict-response.ts";

/** A prompt whose predictions are there, or several of them as one. */
export interface ToJudge extends PlannedPrompt {
  /** Absent where it is the only one of its round; of a mixture those of the first. */
  readonly pairs?: PromptPairs;
  /** Those of all prompts of a mixture. */
  readonly mixed?: readonly PromptPairs[];
  readonly told: RoundPrompt;
}

export interface JudgedPrompt extends ToJudge {
  readonly evaluation: Evaluation;
  readonly response: ObjectReference;
}

export function promptsOfRound(round: CurrentRound, plan: PromptPlan): ToJudge[] {
  const { candidate_id, prompt_strategy, prompt_rationale, prompt_cells, prompts } = round;
  const alone = { candidate_id, prompt_strategy, prompt_rationale, prompt_cells };
  return (
    prompts?.map(({ prediction, control, ...told }) => ({
      ...plannedPrompt(plan, prediction),
      pairs: { prediction, control },
      told,
    })) ?? [{ ...plannedPrompt(plan, "prediction"), told: alone }]
  );
}

/** The prompts of a round whose predictions are mixed in equal shares; the first leads. */
export function mixtureOf(members: readonly ToJudge[]): ToJudge {
  const planned = mixedPrompt(
    members.map(({ chosen, ...each }) => ({ chosen, ...given({ transfer: each.transfer }) })),
  );
  const { candidate_id, strategy, rationale, parts } = planned.chosen;
  return {
    ...planned,
    ...given({ pairs: members[0]?.pairs }),
    mixed: members.flatMap(({ pairs }) => pairs ?? []),
    told: {
      candidate_id,
      prompt_strategy: strategy,
      prompt_rationale: rationale,
      prompt_cells: parts.reduce((sum, { n_cells }) => sum + n_cells, 0),
    },
  };
}

/** What the prediction of a prompt, or the mixture, is stored under. */
export const judgedName = ({ pairs, mixed }: Pick<ToJudge, "pairs" | "mixed">): JudgedName =>
  mixed === undefined ? (pairs?.prediction ?? "prediction") : "mixture";

/** Judges the prediction from one prompt by code; the evidence goes to an object. */
export async function judgePrompt(
  ports: StepPorts,
  input: EvaluateInput,
  prompt: ToJudge,
  signal: AbortSignal,
): Promise<JudgedPrompt> {
  const { objects } = ports;
  const { run_id, iteration, structured_query, round, config, random_seed } = input;
  const { chosen, pairs, mixed, told } = prompt;
  const name = judgedName(prompt);
  const predicted = (of: PromptPairs | undefined) => ({
    ...predictionsOf(round, of),
    ...given({ pairs: of }),
  });
  const paths = iterationObjects(run_id, iteration);
  const { file, response } = await storeResponse(
    ports,
    {
      run_id,
      iteration,
      plan: round.plan,
      members: mixed === undefined ? [predicted(pairs)] : mixed.map(predicted),
      random_seed,
    },
    name,
    signal,
  );
  const evaluation = await evaluateByCode(
    ports,
    input,
    {
      structured_query,
      response: file,
      queryCells: await objects.fetch({ path: paths.query }, signal),
      promptCells: told.prompt_cells,
      ...given({ standIn: standInOf(chosen) }),
      controlStrategyEffective: input.control_strategy_effective,
      seed: random_seed,
      knowledge: ports.knowledge,
      scale: await plausibilityScale(ports, { config, query: structured_query, chosen }, signal),
    },
    signal,
  );
  await objects.putText(paths.evaluation(name), `${JSON.stringify(evaluation, null, 1)}\n`, signal);
  return { ...prompt, evaluation, response };
}

/** Computed once, for this step and for the one that writes the results. */
async function storeResponse(
  ports: StepPorts,
  predicted: PredictedRound,
  name: JudgedName,
  signal: AbortSignal,
): Promise<{ readonly file: string; readonly response: ObjectReference }> {
  const { objects } = ports;
  const folder = await objects.scratch();
  try {
    const output = join(folder, "response.h5ad");
    await predictResponse(ports, { ...predicted, output }, signal);
    const path = iterationObjects(predicted.run_id, predicted.iteration).response(name);
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
