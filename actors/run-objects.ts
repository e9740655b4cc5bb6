import type { JobKind, PairName } from "../machines/pair-types.ts";

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
      `${folder}/${pair === "prediction" ? "prompt" : "control_prompt"}.h5ad`,
    predictions: (pair: PairName): string =>
      `${folder}/${pair === "prediction" ? "predictions" : "control_predictions"}.h5ad`,
    /** What a job predicts, for its program. */
    manifest: (kind: JobKind): string => `${folder}/${kind}_manifest.json`,
    response: `${folder}/response.h5ad`,
    evaluation: `${folder}/evaluation.json`,
  };
};

export const resultObjects = (runId: string) => ({
  anndata: `${resultsOf(runId)}${runId}_predictions.h5ad`,
  report: `${resultsOf(runId)}${runId}_report.html`,
  /** What the report says, for programs. Runs of earlier releases have none. */
  findings: `${resultsOf(runId)}${runId}_report.json`,
  log: `${resultsOf(runId)}${runId}_log.json`,
});
