/** A prediction that was not made again, and where it was made. */
export interface FoundPrediction {
  readonly prediction: "prediction" | "control";
  readonly run_id: string;
  readonly iteration: number;
}

/** One sentence for the reader of run `runId`. */
export const foundSentence = (
  { prediction, run_id, iteration }: FoundPrediction,
  runId: string,
): string =>
  `The ${prediction === "control" ? "control prediction" : "prediction"} was found from ${
    run_id === runId
      ? `iteration ${iteration} of this run`
      : `run ${run_id}, iteration ${iteration}`
  } and not computed again: prompt cells, query cells, model and seed are the same.`;
