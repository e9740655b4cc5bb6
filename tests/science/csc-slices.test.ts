import { expect, test } from "vitest";
import { cscRowEnds, readCscRows } from "../../science/anndata/csc.ts";
import type { Hdf5File } from "../../science/anndata/hdf5.ts";

const ROWS = 3;
/** More than is read at once, so that a column ends in the second slice. */
const COLUMNS = 2_700_000;

test("a column-wise matrix that is read in several slices keeps its columns", () => {
  const nStored = ROWS * COLUMNS;
  const slices: number[] = [];
  const file = {
    path: "large.h5ad",
    numbers(name: string, from = 0, to?: number) {
      if (name.endsWith("indptr"))
        return Int32Array.from({ length: COLUMNS + 1 }, (_, column) => ROWS * column);
      const until = to ?? nStored;
      slices.push(until - from);
      const of = name.endsWith("indices")
        ? (at: number) => at % ROWS
        : (at: number) => 1 + (Math.floor(at / ROWS) % 1_000);
      const values = name.endsWith("indices")
        ? new Int32Array(until - from)
        : new Float32Array(until - from);
      for (let at = from; at < until; at += 1) values[at - from] = of(at);
      return values;
    },
  } as unknown as Hdf5File;
  const slot = { name: "X", nRows: ROWS, nCols: COLUMNS, nStored };
  const ends = cscRowEnds(file, slot);
  expect(ends).toEqual(Float64Array.of(0, COLUMNS, 2 * COLUMNS, 3 * COLUMNS));
  expect(slices.length).toBeGreaterThan(1);
  const middle = readCscRows(file, slot, { start: 1, stop: 2 }, ends);
  expect(middle.indptr).toEqual(Int32Array.of(0, COLUMNS));
  expect(middle.indices.every((column, place) => column === place)).toBe(true);
  expect(middle.data.every((value, place) => value === 1 + (place % 1_000))).toBe(true);
});
