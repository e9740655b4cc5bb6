import type { JobKind } from "../machines/run-types.ts";

/** Where a run keeps its objects: the inference contract's exact paths, and ours beside them. */
const iterationFolder = (runId: string, iteration: number): string =>
  `batch-io/${runId}/iter_${iteration}`;

export const iterationObjects = (runId: string, iteration: number) => {
  const folder = iterationFolder(runId, iteration);
  return {
    plan: `${folder}/plan.json`,
    query: `${folder}/query.h5ad`,
    prompt: (kind: JobKind): string =>
      `${folder}/${kind === "prediction" ? "prompt" : "control_prompt"}.h5ad`,
    predictions: (kind: JobKind): string =>
      `${folder}/${kind === "prediction" ? "predictions" : "control_predictions"}.h5ad`,
    response: `${folder}/response.h5ad`,
    evaluation: `${folder}/evaluation.json`,
  };
};

export const resultObjects = (runId: string) => ({
  anndata: `results/${runId}/${runId}_predictions.h5ad`,
  report: `results/${runId}/${runId}_report.html`,
  log: `results/${runId}/${runId}_log.json`,
});
