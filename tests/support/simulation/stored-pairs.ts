import { DONE_NOTES, type InferenceJobSpec } from "../../../services/batch/index.ts";

/** What the workers of simulated jobs stored, pair by pair, and what they find of it. */
export interface StoredPairs {
  /** The job predicts and stores, in turn, so many of its pairs that are not there yet. */
  work(spec: InferenceJobSpec, many: number): void;
  /** How many pairs the job has yet to predict. */
  left(spec: InferenceJobSpec): number;
  /** What says that an output is done is gone. */
  removed(path: string): void;
}

type Pair = InferenceJobSpec["pairs"][number];

/** `onRepeated` hears of a pair that was predicted again after its output was stored. */
export function storedPairs(onRepeated: (pair: string) => void): StoredPairs {
  /** By output: what it was predicted from, and the pair. */
  const outputs = new Map<string, { readonly inputs: string; readonly pair: string }>();
  /** By pair, whatever its output is called: what it was predicted from. */
  const predicted = new Map<string, string>();
  const isLeft =
    ({ inputs = "" }: InferenceJobSpec) =>
    ({ output }: Pair): boolean =>
      outputs.get(output)?.inputs !== inputs;

  return {
    work(spec, many) {
      const { run_id, iteration, inputs = "" } = spec;
      for (const { name, output } of spec.pairs.filter(isLeft(spec)).slice(0, many)) {
        const pair = `${run_id}/${iteration}/${name}`;
        if (predicted.get(pair) === inputs) onRepeated(pair);
        outputs.set(output, { inputs, pair });
        predicted.set(pair, inputs);
      }
    },
    left: (spec) => spec.pairs.filter(isLeft(spec)).length,
    removed(path) {
      const note = DONE_NOTES.find((ending) => path.endsWith(ending));
      const output = note === undefined ? path : path.slice(0, -note.length);
      const stored = outputs.get(output);
      if (stored === undefined) return;
      outputs.delete(output);
      predicted.delete(stored.pair);
    },
  };
}
