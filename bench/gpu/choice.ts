import { iterationObjects } from "../../actors/run-objects.ts";
import type { Daemon } from "../../daemon.ts";
import type { PairName } from "../../machines/pair-types.ts";
import { readResponse } from "../../science/response/response-file.ts";
import { pearson } from "../../science/statistics/correlation.ts";
import { minus } from "../../science/validation/agreement.ts";
import { readTruth, type TargetQuestion } from "../../science/validation/judge.ts";
import { logCells, meansOf } from "../../science/validation/log-cells.ts";
import type { RunDocument } from "../../services/runs/document.ts";

/** A prompt of a first round: what was known of its prediction, and what is true of it. */
export interface TriedPromptOutcome {
  readonly score: number;
  /** Null where it is unknown. */
  readonly expected: number | null;
  /** Pearson of the predicted change with the withheld one. */
  readonly accuracy: number;
}

/** Of each prompt that the first iteration tried, in the order of the ranking. */
export async function outcomesOf(
  daemon: Daemon,
  { run_id, iterations }: RunDocument,
  question: TargetQuestion,
): Promise<TriedPromptOutcome[]> {
  const { treated, control } = await readTruth(question);
  const measured = minus(meansOf(logCells(treated.counts)), meansOf(logCells(control.counts)));
  const outcomes: TriedPromptOutcome[] = [];
  for (const { prediction, score, expected_accuracy } of iterations[0]?.prompts ?? []) {
    const path = iterationObjects(run_id, 1).response(prediction as PairName);
    const { response } = await readResponse(await daemon.objects.fetch({ path }));
    outcomes.push({
      score,
      expected: expected_accuracy?.known === true ? expected_accuracy.pearson : null,
      accuracy: pearson(response.delta, measured),
    });
  }
  return outcomes;
}

const most = (
  outcomes: readonly TriedPromptOutcome[],
  keys: readonly (keyof TriedPromptOutcome)[],
) =>
  outcomes.toSorted((a, b) =>
    keys.reduce((order, key) => order || (b[key] ?? -1) - (a[key] ?? -1), 0),
  )[0]!.accuracy;

/** Mean accuracy of the prompt that each rule chooses, over rounds of several prompts. */
export function choiceFigures(rounds: readonly (readonly TriedPromptOutcome[])[]) {
  const told = rounds.filter((round) => round.length > 1);
  const mean = (of: (round: readonly TriedPromptOutcome[]) => number): number =>
    told.reduce((sum, round) => sum + of(round), 0) / told.length;
  return {
    rounds: told.length,
    first: mean((round) => round[0]!.accuracy),
    by_score: mean((round) => most(round, ["score", "expected"])),
    by_expected_accuracy: mean((round) => most(round, ["expected", "score"])),
    /** By the truth, which nobody knows. */
    best: mean((round) => most(round, ["accuracy"])),
  };
}
