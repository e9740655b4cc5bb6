import { HaystackError } from "../../errors.ts";
import type { UnsValue } from "./anndata.ts";
import type { Hdf5File } from "./hdf5.ts";
import { toFloat64 } from "./numbers.ts";

const MOST_ENTRIES = 5_000;
const DEEPEST = 8;

interface Left {
  entries: number;
}

/**
 * Reads `uns`. Entries of a kind UnsValue has no form for (tables, sparse matrices, arrays of more
 * dimensions, half floats) and entries that cannot be read are left out, as is what lies deeper or
 * is more than any program writes: groups may contain each other.
 */
export const readUns = (file: Hdf5File): Record<string, UnsValue> =>
  readDict(file, "uns", { entries: MOST_ENTRIES });

function readDict(file: Hdf5File, group: string, left: Left): Record<string, UnsValue> {
  const entries: Record<string, UnsValue> = {};
  if (file.kind(group) !== "group") return entries;
  for (const key of file.keys(group)) {
    left.entries -= 1;
    if (left.entries < 0) break;
    const value = readable(file, `${group}/${key}`, left);
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
  return isThere && file.kind(`uns/${name}`) !== null
    ? readable(file, `uns/${name}`, { entries: MOST_ENTRIES })
    : undefined;
}

function readable(file: Hdf5File, path: string, left: Left): UnsValue | undefined {
  try {
    return readEntry(file, path, left);
  } catch (thrown) {
    if (thrown instanceof HaystackError) return undefined;
    throw thrown;
  }
}

function readEntry(file: Hdf5File, path: string, left: Left): UnsValue | undefined {
  const kind = file.kind(path);
  if (kind === "group") {
    if (path.split("/").length > DEEPEST) return undefined;
    const encoding = file.attribute(path, "encoding-type");
    return encoding === "dict" || encoding === undefined ? readDict(file, path, left) : undefined;
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
