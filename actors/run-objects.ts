import type { JobKind, PairKind, PairName } from "../machines/pair-types.ts";
import type { IterationSummary } from "../services/runs/iteration.ts";

/** Beginnings of the paths of a run's working files, and of its results. */
export const workingFilesOf = (runId: string): string => `batch-io/${runId}/`;
export const resultsOf = (runId: string): string => `results/${runId}/`;

/** Where a run keeps its objects: the inference contract's exact paths, and ours beside them. */
const iterationFolder = (runId: string, iteration: number): string =>
  `${workingFilesOf(runId)}iter_${iteration}`;

export const iterationObjects = (runId: string, iteration: number) => {
  const folder = iterationFolder(runId, iteration);
  return {
    plan: `${folder}/plan.json`,
    query: `${folder}/query.h5ad`,
    prompt: (pair: PairName): string =>
      `${folder}/${numbered(pair, { prediction: "prompt", control: "control_prompt" })}.h5ad`,
    predictions: (pair: PairName): string =>
      `${folder}/${numbered(pair, { prediction: "predictions", control: "control_predictions" })}.h5ad`,
    /** What a job predicts, for its program. */
    manifest: (kind: JobKind): string => `${folder}/${kind}_manifest.json`,
    /** Of the prompt that this pair predicts from, or of a mixture; as the next. */
    response: (of: JudgedName): string => `${folder}/${judged(of, "response")}.h5ad`,
    evaluation: (of: JudgedName): string => `${folder}/${judged(of, "evaluation")}.json`,
  };
};

/** What is judged: the prediction of a pair, or the mixture of several of a round. */
export type JudgedName = PairName | "mixture";

const judged = (of: JudgedName, what: "response" | "evaluation"): string =>
  of === "mixture" ? `mixture_${what}` : numbered(of, { prediction: what, control: what });

/** "prompt-2" for `prediction-2`. */
function numbered(pair: PairName, names: Readonly<Record<PairKind, string>>): string {
  const [kind, number] = pair.split("-") as [PairKind, string?];
  return number === undefined ? names[kind] : `${names[kind]}-${number}`;
}

export const resultObjects = (runId: string) => ({
  anndata: `${resultsOf(runId)}${runId}_predictions.h5ad`,
  report: `${resultsOf(runId)}${runId}_report.html`,
  /** What the report says, for programs. Runs of earlier releases have none. */
  findings: `${resultsOf(runId)}${runId}_report.json`,
  log: `${resultsOf(runId)}${runId}_log.json`,
});

/** What counts as the iteration's prediction. */
export function countedPrediction(iteration: IterationSummary | undefined): JudgedName {
  const { prompts = [], candidate_id, mixture } = iteration ?? {};
  if (mixture !== undefined) return "mixture";
  const counted = prompts.find((prompt) => prompt.candidate_id === candidate_id);
  return (counted?.prediction ?? "prediction") as PairName;
}
