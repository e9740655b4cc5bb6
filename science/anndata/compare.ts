import type { AnnData, Column, CsrMatrix, DataFrame, UnsValue } from "./anndata.ts";

/** Where two values differ; `values` is how many of a list or matrix do. */
export interface Difference {
  /** Such as "X", "var.rank" or "uns.iterations.score". */
  readonly where: string;
  /** JSON text, cut where it is long; of several values the first that differ. */
  readonly before: string;
  readonly now: string;
  readonly values: number;
}

const LONGEST_TEXT = 200;
const ABSENT = "absent";

/** JSON text of a value; of NaN and the infinities their names. */
function shown(value: unknown): string {
  if (value === undefined) return ABSENT;
  const text =
    typeof value === "number" && !Number.isFinite(value) ? String(value) : JSON.stringify(value);
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}...`;
}

const difference = (where: string, before: unknown, now: unknown, values = 1): Difference => ({
  where,
  before: shown(before),
  now: shown(now),
  values,
});

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !ArrayBuffer.isView(value);

/** Plain JSON and typed arrays, value by value; numbers are equal to the last bit, NaN to NaN. */
export function differencesOf(before: unknown, now: unknown, where: string): Difference[] {
  if (isList(before) && isList(now)) return listDifferences(before, now, where);
  if (isObject(before) && isObject(now)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    return names.flatMap((name) =>
      differencesOf(before[name], now[name], where === "" ? name : `${where}.${name}`),
    );
  }
  return Object.is(before, now) ? [] : [difference(where, before, now)];
}

type List = readonly unknown[] | Float64Array | Float32Array | Int32Array;
const isList = (value: unknown): value is List =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

/** Lists of scalars are told by how many values differ, lists of parts by what differs in each. */
function listDifferences(before: List, now: List, where: string): Difference[] {
  const length =
    before.length === now.length ? [] : [difference(`${where}.length`, before.length, now.length)];
  const inBoth = Math.min(before.length, now.length);
  if (Array.isArray(before) && before.some((value) => typeof value === "object" && value !== null))
    return [
      ...length,
      ...before
        .slice(0, inBoth)
        .flatMap((value, index) => differencesOf(value, now[index], `${where}[${index + 1}]`)),
    ];
  let count = 0;
  let first = -1;
  for (let index = 0; index < inBoth; index++) {
    if (Object.is(before[index], now[index])) continue;
    if (count++ === 0) first = index;
  }
  return count === 0
    ? length
    : [...length, difference(`${where}[${first + 1}]`, before[first], now[first], count)];
}

/** Two AnnData objects, value by value: cells, genes, matrices, columns and uns. */
export function anndataDifferences(before: AnnData, now: AnnData): Difference[] {
  const layers = [...new Set([before, now].flatMap((each) => Object.keys(each.layers ?? {})))];
  return [
    ...frameDifferences(before.obs, now.obs, "obs"),
    ...frameDifferences(before.var, now.var, "var"),
    ...matrixDifferences(before.X, now.X, "X"),
    ...layers.flatMap((name) =>
      matrixDifferences(before.layers?.[name], now.layers?.[name], `layers.${name}`),
    ),
    ...differencesOf(before.uns satisfies Readonly<Record<string, UnsValue>>, now.uns, "uns"),
  ];
}

function frameDifferences(before: DataFrame, now: DataFrame, where: string): Difference[] {
  const names = [...new Set([...Object.keys(before.columns), ...Object.keys(now.columns)])];
  return [
    ...differencesOf(before.index, now.index, `${where}.index`),
    ...names.flatMap((name) =>
      differencesOf(
        before.columns[name] satisfies Column | undefined,
        now.columns[name],
        `${where}.${name}`,
      ),
    ),
  ];
}

/** Canonical CSR, so that equal matrices have equal parts. */
function matrixDifferences(
  before: CsrMatrix | undefined,
  now: CsrMatrix | undefined,
  where: string,
): Difference[] {
  if (
    before === undefined ||
    now === undefined ||
    before.nRows !== now.nRows ||
    before.nCols !== now.nCols
  ) {
    const shape = (matrix: CsrMatrix | undefined): unknown =>
      matrix === undefined ? undefined : [matrix.nRows, matrix.nCols];
    return differencesOf(shape(before), shape(now), `${where}.shape`);
  }
  let count = 0;
  let first: Difference | undefined;
  for (let row = 0; row < before.nRows; row++) {
    const [a, b] = [rowOf(before, row), rowOf(now, row)];
    for (const column of new Set([...a.keys(), ...b.keys()])) {
      const [was, is] = [a.get(column) ?? 0, b.get(column) ?? 0];
      if (Object.is(was, is)) continue;
      count++;
      first ??= difference(`${where}[${row + 1}, ${column + 1}]`, was, is);
    }
  }
  return first === undefined ? [] : [{ ...first, values: count }];
}

function rowOf({ indptr, indices, data }: CsrMatrix, row: number): Map<number, number> {
  const values = new Map<number, number>();
  for (let at = indptr[row] ?? 0; at < (indptr[row + 1] ?? 0); at++)
    values.set(indices[at] ?? 0, data[at] ?? 0);
  return values;
}
