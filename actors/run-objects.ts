import type { JobKind } from "../machines/run-types.ts";

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
    prompt: (kind: JobKind): string =>
      `${folder}/${kind === "prediction" ? "prompt" : "control_prompt"}.h5ad`,
    predictions: (kind: JobKind): string =>
      `${folder}/${kind === "prediction" ? "predictions" : "control_predictions"}.h5ad`,
    response: `${folder}/response.h5ad`,
    evaluation: `${folder}/evaluation.json`,
  };
};

export const resultObjects = (runId: string) => ({
  anndata: `${resultsOf(runId)}${runId}_predictions.h5ad`,
  report: `${resultsOf(runId)}${runId}_report.html`,
  log: `${resultsOf(runId)}${runId}_log.json`,
});
