/** A prediction that was not made again, and where it was made. */
export interface FoundPrediction {
  /** Of further prompts of the round `prediction-2`, `control-2` and so on. */
  readonly prediction: string;
  readonly run_id: string;
  readonly iteration: number;
}

/** One sentence for the reader of run `runId`. */
export const foundSentence = (
  { prediction, run_id, iteration }: FoundPrediction,
  runId: string,
): string =>
  `The ${pairInWords(prediction)} was found from ${
    run_id === runId
      ? `iteration ${iteration} of this run`
      : `run ${run_id}, iteration ${iteration}`
  } and not computed again: prompt cells, query cells, model and seed are the same.`;

/** "control prediction of prompt 2" for `control-2`. */
function pairInWords(pair: string): string {
  const [kind, number] = pair.split("-");
  const words = kind === "control" ? "control prediction" : "prediction";
  return number === undefined ? words : `${words} of prompt ${number}`;
}
