import { pairsOf } from "../machines/job-id.ts";
import type { FoundPairs, JobKind, PairName } from "../machines/pair-types.ts";
import type { InferencePair } from "../services/batch/index.ts";
import { iterationObjects } from "./run-objects.ts";

/** The job of an iteration; `pairs` of a round of several prompts, otherwise those of its kind. */
export interface JobPairs {
  readonly run_id: string;
  readonly iteration: number;
  readonly kind: JobKind;
  readonly pairs?: readonly PairName[] | undefined;
}

/** What a job predicts, as objects; what was found is not among it. */
export function inferencePairs(
  { run_id, iteration, kind, pairs = pairsOf(kind) }: JobPairs,
  found: FoundPairs = {},
): readonly (InferencePair & { readonly name: PairName })[] {
  const paths = iterationObjects(run_id, iteration);
  return pairs
    .filter((name) => found[name] === undefined)
    .map((name) => ({
      name,
      prompt: paths.prompt(name),
      query: paths.query,
      output: paths.predictions(name),
    }));
}
