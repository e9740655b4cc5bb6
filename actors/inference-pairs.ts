import { pairsOf } from "../machines/job-id.ts";
import type { FoundPairs, JobKind, PairName } from "../machines/pair-types.ts";
import type { InferencePair } from "../services/batch/index.ts";
import { iterationObjects } from "./run-objects.ts";

/** What a job predicts, as objects; what was found is not among it. */
export function inferencePairs(
  runId: string,
  iteration: number,
  kind: JobKind,
  found: FoundPairs = {},
): readonly (InferencePair & { readonly name: PairName })[] {
  const paths = iterationObjects(runId, iteration);
  const left = pairsOf(kind).filter((name) => found[name] === undefined);
  return left.map((name) => ({
    name,
    prompt: paths.prompt(name),
    query: paths.query,
    output: paths.predictions(name),
  }));
}
