import type { UnsValue } from "./anndata.ts";
import type { Hdf5File } from "./hdf5.ts";
import { toFloat64 } from "./numbers.ts";

/**
 * Reads `uns`. Entries of a kind UnsValue has no form for (tables, sparse matrices, arrays of more
 * dimensions) are left out.
 */
export function readUns(file: Hdf5File, group = "uns"): Record<string, UnsValue> {
  const entries: Record<string, UnsValue> = {};
  if (file.kind(group) !== "group") return entries;
  for (const key of file.keys(group)) {
    const value = readEntry(file, `${group}/${key}`);
    if (value !== undefined) entries[key] = value;
  }
  return entries;
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
