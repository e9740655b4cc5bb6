import { HaystackError } from "../../errors.ts";
import type { UnsValue } from "./anndata.ts";
import type { Hdf5File } from "./hdf5.ts";
import { toFloat64 } from "./numbers.ts";

/**
 * Reads `uns`. Entries of a kind UnsValue has no form for (tables, sparse matrices, arrays of more
 * dimensions, half floats) and entries that cannot be read are left out.
 */
export function readUns(file: Hdf5File, group = "uns"): Record<string, UnsValue> {
  const entries: Record<string, UnsValue> = {};
  if (file.kind(group) !== "group") return entries;
  for (const key of file.keys(group)) {
    const value = readable(file, `${group}/${key}`);
    if (value !== undefined) entries[key] = value;
  }
  return entries;
}

/** One entry of uns, such as "log1p/base". */
export function readUnsValue(file: Hdf5File, name: string): UnsValue | undefined {
  const parts = name.split("/");
  const isThere = parts.every(
    (_, at) => file.kind(["uns", ...parts.slice(0, at)].join("/")) === "group",
  );
  return isThere && file.kind(`uns/${name}`) !== null ? readable(file, `uns/${name}`) : undefined;
}

function readable(file: Hdf5File, path: string): UnsValue | undefined {
  try {
    return readEntry(file, path);
  } catch (thrown) {
    if (thrown instanceof HaystackError) return undefined;
    throw thrown;
  }
}

function readEntry(file: Hdf5File, path: string): UnsValue | undefined {
  const kind = file.kind(path);
  if (kind === "group") {
    const encoding = file.attribute(path, "encoding-type");
    return encoding === "dict" || encoding === undefined ? readUns(file, path) : undefined;
  }
  if (
    kind === null ||
    file.shape(path).length > 1 ||
    file.attribute(path, "encoding-type") === "null"
  )
    return undefined;
  const scalar = file.shape(path).length === 0;
  const type = file.elementType(path);
  if (type === "string") return scalar ? (file.text(path)[0] ?? "") : file.text(path);
  if (type === "compound" || type === "other") return undefined;
  const values = toFloat64(file.numbers(path));
  if (!scalar) return values;
  return type === "boolean" ? values[0] !== 0 : (values[0] ?? Number.NaN);
}
