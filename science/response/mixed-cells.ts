import type { AnnData } from "../anndata/anndata.ts";
import { stackRows, takeRows } from "../prompting/csr-rows.ts";

/**
 * A mixture of predictions of the same cells, cells x genes: cell i as the (i mod k)th of k predicts
 * it. Its mean is the mean of theirs, and its cells are cells that a model made, which means of
 * several would not be. One prediction stays as it is.
 */
export function mixedPredictions(members: readonly AnnData[]): AnnData {
  const [first, ...others] = members;
  if (first === undefined) throw new Error("A mixture has a prediction.");
  if (others.length === 0) return first;
  const { nRows, nCols } = first.X;
  if (others.some(({ X }) => X.nRows !== nRows || X.nCols !== nCols))
    throw new Error("The predictions of a mixture are of the same cells and genes.");
  const rows = Int32Array.from({ length: nRows }, (_, i) => (i % members.length) * nRows + i);
  const X = takeRows(
    stackRows(
      members.map((member) => member.X),
      nCols,
    ),
    rows,
  );
  return { ...first, X, layers: {} };
}

/** The cells that any of several prompts shows, each once; `members` have the same genes. */
export function pooledCells(members: readonly AnnData[]): AnnData {
  const [first, ...others] = members;
  if (first === undefined) throw new Error("There is a prompt.");
  if (others.length === 0) return first;
  const names = members.flatMap(({ obs }) => [...obs.index]);
  const seen = new Set<string>();
  const rows = Int32Array.from(
    [...names.keys()].filter((row) => {
      const isNew = !seen.has(names[row]!);
      seen.add(names[row]!);
      return isNew;
    }),
  );
  const groups = members.flatMap(({ obs }) => [...(obs.columns["group_id"] as readonly string[])]);
  return {
    X: takeRows(
      stackRows(
        members.map(({ X }) => X),
        first.X.nCols,
      ),
      rows,
    ),
    layers: {},
    obs: {
      index: Array.from(rows, (row) => names[row]!),
      columns: { group_id: Array.from(rows, (row) => groups[row]!) },
    },
    var: first.var,
    uns: {},
  };
}
