import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import type { Group } from "h5wasm/node";
import { HaystackError } from "../../errors.ts";
import type { AnnData, Column, CsrMatrix, CsrPieces, DataFrame, UnsValue } from "./anndata.ts";
import { replaceStandIns } from "./boolean-type.ts";
import { createHdf5 } from "./hdf5-create.ts";
import { H5Writer } from "./hdf5-writer.ts";
import { LargeMap } from "./large-map.ts";
import { writeCsrPieces } from "./write-pieces.ts";

/** X in pieces is written with the narrowest types that hold it. */
interface Written extends Omit<AnnData, "X"> {
  readonly X: CsrMatrix | CsrPieces;
}

/**
 * Writes an AnnData file (anndata on-disk specification: X as csr_matrix, float32 unless it comes in
 * pieces). Equal input
 * gives equal bytes. The file appears complete or not at all. `gzip` (1 to 9) compresses the arrays
 * of X and the layers. Flags are real booleans; text with missing values becomes a categorical.
 * @throws ANNDATA_INVALID when shapes do not fit or names repeat
 */
export async function writeH5ad(
  path: string,
  adata: Written,
  options: { readonly gzip?: number } = {},
): Promise<void> {
  checkShapes(path, adata);
  const temporary = `${path}.writing-${randomUUID()}`;
  try {
    const marker = `boolean-${randomUUID()}`;
    let booleans = 0;
    await createHdf5(temporary, (root, library) => {
      const writer = new H5Writer(library, options.gzip ?? 0, marker);
      writer.encode(root, "anndata", "0.1.0");
      writeFrame(writer, root, "obs", adata.obs);
      writeFrame(writer, root, "var", adata.var);
      writeDict(writer, root, "uns", adata.uns);
      for (const name of ["obsm", "obsp", "varm", "varp"]) writeDict(writer, root, name, {});
      // The large matrices come last: the booleans are found without reading them.
      const layers = writer.group(root, "layers", "dict", "0.1.0");
      if ("pieces" in adata.X) writeCsrPieces(writer, root, "X", adata.X);
      else writeCsr(writer, root, "X", adata.X);
      for (const [name, layer] of Object.entries(adata.layers ?? {}))
        writeCsr(writer, layers, name, layer);
      booleans = writer.booleanCount;
    });
    await replaceStandIns(temporary, marker, booleans);
    const handle = await open(temporary, "r+");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

function writeCsr(
  writer: H5Writer,
  parent: Group,
  name: string,
  { nRows, nCols, data, indices, indptr }: CsrMatrix,
): void {
  const group = writer.group(parent, name, "csr_matrix", "0.1.0");
  group.create_attribute("shape", BigInt64Array.of(BigInt(nRows), BigInt(nCols)));
  writer.array(group, "data", data, { compress: true });
  writer.array(group, "indices", indices, { compress: true });
  writer.array(group, "indptr", indptr, { compress: true });
}

function writeFrame(writer: H5Writer, root: Group, name: string, frame: DataFrame): void {
  const group = writer.group(root, name, "dataframe", "0.2.0");
  group.create_attribute("_index", "_index");
  writer.textAttribute(group, "column-order", Object.keys(frame.columns));
  writer.encode(writer.texts(group, "_index", frame.index), "string-array", "0.2.0");
  for (const [column, values] of Object.entries(frame.columns))
    writeColumn(writer, group, column, values);
}

function writeColumn(writer: H5Writer, group: Group, name: string, values: Column): void {
  if (ArrayBuffer.isView(values)) {
    writer.encode(writer.array(group, name, values), "array", "0.2.0");
  } else if (values.length > 0 && values.every((value) => typeof value === "boolean")) {
    writer.encode(writer.booleans(group, name, values), "array", "0.2.0");
  } else if (values.includes(null as never)) {
    writeCategorical(writer, group, name, values as readonly (string | null)[]);
  } else {
    writer.encode(writer.texts(group, name, values as readonly string[]), "string-array", "0.2.0");
  }
}

function writeCategorical(
  writer: H5Writer,
  parent: Group,
  name: string,
  values: readonly (string | null)[],
): void {
  const categories = [...new Set(values.filter((value) => value !== null))].toSorted();
  const codeOf = new Map<string | null, number>(
    categories.map((category, code) => [category, code]),
  );
  const group = writer.group(parent, name, "categorical", "0.2.0");
  writer.booleanAttribute(group, "ordered", false);
  writer.encode(writer.texts(group, "categories", categories), "string-array", "0.2.0");
  writer.encode(
    writer.array(
      group,
      "codes",
      Int32Array.from(values, (value) => codeOf.get(value) ?? -1),
    ),
    "array",
    "0.2.0",
  );
}

function writeDict(
  writer: H5Writer,
  parent: Group,
  name: string,
  entries: Readonly<Record<string, UnsValue>>,
): void {
  checkKeys(Object.keys(entries), name);
  const group = writer.group(parent, name, "dict", "0.1.0");
  for (const [key, value] of Object.entries(entries)) writeEntry(writer, group, key, value);
}

function writeEntry(writer: H5Writer, group: Group, key: string, value: UnsValue): void {
  if (typeof value === "string") writer.encode(writer.text(group, key, value), "string", "0.2.0");
  else if (typeof value === "boolean")
    writer.encode(writer.booleans(group, key, [value], []), "numeric-scalar", "0.2.0");
  else if (typeof value === "number")
    writer.encode(
      writer.array(group, key, numeric([value]), { shape: [] }),
      "numeric-scalar",
      "0.2.0",
    );
  else if (value instanceof Float64Array)
    writer.encode(writer.array(group, key, value), "array", "0.2.0");
  else if (!Array.isArray(value))
    writeDict(writer, group, key, value as Readonly<Record<string, UnsValue>>);
  else if (typeof value[0] === "boolean")
    writer.encode(writer.booleans(group, key, value as readonly boolean[]), "array", "0.2.0");
  else if (typeof value[0] === "string")
    writer.encode(writer.texts(group, key, value as readonly string[]), "string-array", "0.2.0");
  else
    writer.encode(writer.array(group, key, numeric(value as readonly number[])), "array", "0.2.0");
}

function numeric(values: readonly number[]): BigInt64Array | Float64Array {
  const whole = values.length > 0 && values.every((value) => Number.isSafeInteger(value));
  return whole ? BigInt64Array.from(values, BigInt) : Float64Array.from(values);
}

/** Whether the parts of a matrix fit together; pieces are not read for it. */
function isSound(X: CsrMatrix | CsrPieces): boolean {
  if ("pieces" in X) return true;
  const { indptr, indices, data, nRows } = X;
  return (
    indptr.length === nRows + 1 && indices.length === data.length && indptr[nRows] === data.length
  );
}

function areDistinct(names: readonly string[]): boolean {
  const seen = new LargeMap<true>();
  for (const name of names) seen.set(name, true);
  return seen.size === names.length;
}

function checkShapes(path: string, { X, obs, var: genes, layers }: Written): void {
  const fail = (why: string) =>
    new HaystackError("ANNDATA_INVALID", `${path} cannot be written because ${why}.`);
  if (obs.index.length !== X.nRows || genes.index.length !== X.nCols || !isSound(X)) {
    const stored = "pieces" in X ? X.nStored : X.data.length;
    throw fail(
      `X is ${X.nRows} x ${X.nCols} with ${stored} values, but there are ${obs.index.length} cells and ${genes.index.length} genes`,
    );
  }
  for (const [name, layer] of Object.entries(layers ?? {}))
    if (layer.nRows !== X.nRows || layer.nCols !== X.nCols)
      throw fail(
        `layer "${name}" is ${layer.nRows} x ${layer.nCols} beside X of ${X.nRows} x ${X.nCols}`,
      );
  for (const [name, frame] of [
    ["obs", obs],
    ["var", genes],
  ] as const) {
    if (!areDistinct(frame.index))
      throw fail(`names repeat in the ${name} index; make them unique`);
    for (const [column, values] of Object.entries(frame.columns)) {
      if (values.length !== frame.index.length)
        throw fail(
          `column "${column}" of ${name} has ${values.length} values for ${frame.index.length} rows`,
        );
    }
    checkKeys(Object.keys(frame.columns), name);
  }
  checkKeys(Object.keys(layers ?? {}), "layers");
}

function checkKeys(keys: readonly string[], where: string): void {
  const bad = keys.find((key) => key === "" || key === "_index" || key.includes("/"));
  if (bad !== undefined)
    throw new HaystackError(
      "ANNDATA_INVALID",
      `"${bad}" cannot be a name in ${where} of an .h5ad file; rename it.`,
    );
}
