import { HaystackError } from "../../errors.ts";
import type { Column, DataFrame } from "./anndata.ts";
import type { Hdf5File } from "./hdf5.ts";
import { toFloat64, toIntegers } from "./numbers.ts";

export type ColumnKind = "categorical" | "string" | "boolean" | "integer" | "float" | "unsupported";

export interface FrameColumn {
  readonly name: string;
  readonly kind: ColumnKind;
}

const LEGACY_FIX =
  "open it with a current anndata (anndata.read_h5ad) and save it again (adata.write_h5ad)";

/**
 * The columns of obs or var, in their order. Reads frames of anndata 0.7 and later.
 * @throws ANNDATA_UNSUPPORTED for the compound tables of older versions, ANNDATA_INVALID when there
 * is no such frame
 */
export function frameColumns(file: Hdf5File, frame: string): FrameColumn[] {
  checkFrame(file, frame);
  const order = file.attribute(frame, "column-order");
  const listed = Array.isArray(order)
    ? order.map(String)
    : file.keys(frame).filter((name) => name !== "__categories");
  const index = indexName(file, frame);
  return listed
    .filter((name) => name !== index || Array.isArray(order))
    .map((name) => ({ name, kind: columnKind(file, `${frame}/${name}`) }));
}

/** The index of obs or var: the names of cells or genes. */
export function frameIndex(file: Hdf5File, frame: string): string[] {
  checkFrame(file, frame);
  const path = indexPath(file, frame);
  if (
    file.kind(path) === null ||
    (file.kind(path) === "group" && columnKind(file, path) === "unsupported")
  )
    throw new HaystackError(
      "ANNDATA_INVALID",
      `${frame} in ${file.path} has no index that can be read; ${LEGACY_FIX}.`,
    );
  return columnLabels(readElement(file, path)).map((label) => label ?? "");
}

/** One column of obs or var. @throws COLUMN_NOT_FOUND, ANNDATA_UNSUPPORTED, ANNDATA_INVALID */
export function readColumn(file: Hdf5File, frame: string, name: string): Column {
  const columns = frameColumns(file, frame);
  const column = columns.find((each) => each.name === name);
  if (column === undefined) {
    const existing = columns.map((each) => each.name).join(", ") || "none";
    throw new HaystackError(
      "COLUMN_NOT_FOUND",
      `${frame} in ${file.path} has no column "${name}"; the columns are: ${existing}.`,
    );
  }
  return readListed(file, frame, column);
}

export function readFrame(file: Hdf5File, frame: string): DataFrame {
  const index = frameIndex(file, frame);
  const columns = frameColumns(file, frame).map(
    (column) => [column.name, readListed(file, frame, column)] as const,
  );
  for (const [name, column] of columns) {
    if (column.length !== index.length) {
      throw new HaystackError(
        "ANNDATA_INVALID",
        `Column "${name}" of ${frame} in ${file.path} has ${column.length} values for ${index.length} rows; write the file again with anndata.`,
      );
    }
  }
  return { index, columns: Object.fromEntries(columns) };
}

function readListed(file: Hdf5File, frame: string, { name, kind }: FrameColumn): Column {
  if (kind !== "unsupported") return readElement(file, `${frame}/${name}`);
  throw new HaystackError(
    "ANNDATA_UNSUPPORTED",
    `Column "${name}" of ${frame} in ${file.path} is of a type that cannot be read; remove it or convert it to text or numbers.`,
  );
}

/**
 * A column as labels: text as it is, whole numbers without decimals, flags as True and False,
 * missing as null.
 */
export function columnLabels(column: Column): (string | null)[] {
  return Array.from(column as ArrayLike<string | number | boolean | null>, (value) => {
    if (typeof value === "boolean") return value ? "True" : "False";
    if (value === null || value === "" || value === "nan" || value === "NaN" || value === "<NA>")
      return null;
    return typeof value === "number" && Number.isNaN(value) ? null : String(value);
  });
}

function checkFrame(file: Hdf5File, frame: string): void {
  const kind = file.kind(frame);
  if (kind === "group") return;
  if (kind === "dataset") {
    throw new HaystackError(
      "ANNDATA_UNSUPPORTED",
      `${frame} in ${file.path} is a table of an anndata version before 0.7; ${LEGACY_FIX}.`,
    );
  }
  throw new HaystackError(
    "ANNDATA_INVALID",
    `${file.path} is an HDF5 file without ${frame}, so it is not AnnData; use an .h5ad file written by anndata.`,
  );
}

/** Where the index of obs or var is. */
export const indexPath = (file: Hdf5File, frame: string): string =>
  `${frame}/${indexName(file, frame)}`;

function indexName(file: Hdf5File, frame: string): string {
  const name = file.attribute(frame, "_index");
  return typeof name === "string" ? name : "_index";
}

function columnKind(file: Hdf5File, path: string): ColumnKind {
  const kind = file.kind(path);
  if (kind === "group") {
    const encoding = file.attribute(path, "encoding-type");
    if (encoding === "categorical")
      return isReadable(file, `${path}/categories`) && isValues(file, `${path}/codes`)
        ? "categorical"
        : "unsupported";
    if (!isNullable(file, path)) return "unsupported";
    if (encoding === "nullable-integer") return "integer";
    if (encoding === "nullable-boolean") return "boolean";
    return encoding === "nullable-string-array" ? "string" : "unsupported";
  }
  if (kind === null || file.shape(path).length !== 1) return "unsupported";
  if (file.kind(legacyCategories(path)) === "dataset") return "categorical";
  const type = file.elementType(path);
  return type === "compound" || type === "other" ? "unsupported" : type;
}

const isReadable = (file: Hdf5File, path: string): boolean =>
  file.kind(path) === "group"
    ? file.attribute(path, "encoding-type") === "nullable-string-array" && isNullable(file, path)
    : isValues(file, path);

const isValues = (file: Hdf5File, path: string): boolean =>
  file.kind(path) === "dataset" && !["compound", "other"].includes(file.elementType(path));

/** Groups may contain themselves, so each level says what it is. */
const isNullable = (file: Hdf5File, path: string): boolean =>
  isValues(file, `${path}/values`) && isValues(file, `${path}/mask`);

/** anndata 0.7 kept the categories of `obs/x` at `obs/__categories/x`. */
function legacyCategories(path: string): string {
  const cut = path.lastIndexOf("/");
  return `${path.slice(0, cut)}/__categories${path.slice(cut)}`;
}

function readElement(file: Hdf5File, path: string): Column {
  if (file.kind(path) === "group")
    return file.attribute(path, "encoding-type") === "categorical"
      ? decode(file, `${path}/categories`, `${path}/codes`)
      : readNullable(file, path);
  return file.kind(legacyCategories(path)) === "dataset"
    ? decode(file, legacyCategories(path), path)
    : readValues(file, path);
}

function readValues(file: Hdf5File, path: string): Column {
  const type = file.elementType(path);
  if (type === "string") return file.text(path);
  const values = file.numbers(path);
  if (type === "boolean") return Array.from(values as ArrayLike<number>, (value) => value !== 0);
  if (type === "integer") return toIntegers(values);
  return values instanceof Float32Array ? values : toFloat64(values);
}

const readNullable = (file: Hdf5File, path: string): Column =>
  withMissing(readValues(file, `${path}/values`), file.numbers(`${path}/mask`));

function decode(file: Hdf5File, categoriesPath: string, codesPath: string): (string | null)[] {
  const categories = columnLabels(
    file.kind(categoriesPath) === "group"
      ? readNullable(file, categoriesPath)
      : readValues(file, categoriesPath),
  );
  return Array.from(toIntegers(file.numbers(codesPath)), (code) => categories[code] ?? null);
}

function withMissing(values: Column, mask: ArrayLike<number | bigint>): Column {
  const missing = Array.from(mask, Number);
  if (!missing.includes(1)) return values;
  if (Array.isArray(values))
    return columnLabels(values).map((label, row) => (missing[row] === 1 ? null : label));
  return Float64Array.from(values as ArrayLike<number>, (value, row) =>
    missing[row] === 1 ? Number.NaN : value,
  );
}
