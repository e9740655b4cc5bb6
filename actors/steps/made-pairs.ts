import { toHaystackError } from "../../errors.ts";
import type { PairName, PredictedPairs } from "../../machines/pair-types.ts";
import type { CheckJobInput } from "../../machines/step-types.ts";
import { DONE_NOTES, type InferencePair } from "../../services/batch/index.ts";
import type { StepPorts } from "../ports.ts";

/** What a job that succeeded made, pair by pair. */

/** @throws what reading them throws, PREDICTION_INVALID */
export async function checkPairs(
  { compute, objects }: Pick<StepPorts, "compute" | "objects">,
  pairs: readonly InferencePair[],
  signal: AbortSignal,
): Promise<PredictedPairs> {
  const checked = await Promise.all(
    pairs.map(async ({ name, query: queryPath, output: path }) => {
      const [prediction, query] = await Promise.all([
        objects.fetch({ path }, signal),
        objects.fetch({ path: queryPath }, signal),
      ]);
      const sha256 = await compute.run("checkPrediction", { prediction, query }, signal);
      return [name, { path, sha256 }] as const;
    }),
  );
  return Object.fromEntries(checked);
}

/** For later jobs to find. */
export async function noteMade(
  { run_id, job: { iteration }, prepared }: Pick<CheckJobInput, "run_id" | "job" | "prepared">,
  outputs: PredictedPairs,
  found: StepPorts["foundPredictions"],
  signal: AbortSignal,
): Promise<void> {
  for (const [name, note] of Object.entries(prepared?.notes ?? {})) {
    const pair = name as PairName;
    const output = outputs[pair];
    if (output !== undefined && note !== undefined)
      await found?.note(note, { ...output, run_id, iteration, pair }, signal);
  }
}

/**
 * What says that these are done goes, or a further attempt would find them again; a sentence where it
 * cannot go, which keeps no verdict back.
 */
export async function forgetDone(
  objects: StepPorts["objects"],
  pairs: readonly InferencePair[],
  signal: AbortSignal,
): Promise<string> {
  try {
    for (const { output } of pairs)
      for (const note of DONE_NOTES) await objects.remove(`${output}${note}`, signal);
    return "";
  } catch (thrown) {
    signal.throwIfAborted();
    return ` A further attempt may find it again: ${toHaystackError(thrown).message}`;
  }
}
