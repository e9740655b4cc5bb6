import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { labelKey } from "./tokens.ts";

/**
 * The names of a public vocabulary as they are shipped: text under Brotli, searched where it lies,
 * so that a hundred thousand names cost their bytes and no index of objects. The first line is the
 * number of concepts; a line for each with name and id; then a line for each key (see labelKey) with
 * the number of its concept, sorted by bytes.
 */

export interface Concept {
  readonly name: string;
  /** Of its vocabulary, e.g. "DB01234"; empty where it gives none. */
  readonly id: string;
}

export interface NameList {
  /** The concept that `key` names; null when none does. */
  find(key: string): Concept | null;
  readonly names: number;
  readonly bytes: number;
}

/**
 * A name that two concepts claim is a name of neither, unless it is the own name of just one.
 * `shared`: of concepts with the same own name the "first" has it, or "none".
 */
export function packNames(
  concepts: readonly (Concept & { readonly others: readonly string[] })[],
  shared: "first" | "none" = "none",
): Uint8Array {
  const owners = new Map<string, number | null>();
  concepts.forEach(({ name }, concept) => {
    const key = labelKey(name);
    if (key === "") return;
    if (!owners.has(key)) owners.set(key, concept);
    else if (shared === "none") owners.set(key, null);
  });
  const own = new Set(owners.keys());
  concepts.forEach(({ others }, concept) => {
    for (const key of new Set(others.map(labelKey)))
      if (key !== "" && !own.has(key))
        owners.set(key, (owners.get(key) ?? concept) === concept ? concept : null);
  });
  const contested = new Set(
    [...owners].filter(([, concept]) => concept === null).map(([key]) => key),
  );
  const keys = [...owners]
    .filter(([key]) => !contested.has(key))
    .map(([key, concept]) => Buffer.from(`${key}\t${concept}`))
    .toSorted(Buffer.compare);
  const lines = [
    Buffer.from(String(concepts.length)),
    ...concepts.map(({ name, id }) => Buffer.from(`${name}\t${id}`)),
    ...keys,
  ];
  const line = Buffer.from("\n");
  return brotliCompressSync(Buffer.concat(lines.flatMap((bytes) => [bytes, line])));
}

export function unpackNames(packed: Uint8Array): NameList {
  const text = brotliDecompressSync(packed);
  const starts = lineStarts(text);
  const line = (index: number): string =>
    text.toString("utf8", starts[index], starts[index + 1]! - 1);
  const concepts = Number(line(0));
  const first = concepts + 1;
  const end = starts.length - 1;
  return {
    names: end - first,
    bytes: text.length + starts.byteLength,
    find(key) {
      if (key === "") return null;
      const wanted = Buffer.from(`${key}\t`);
      let [low, high] = [first, end];
      while (low < high) {
        const middle = (low + high) >>> 1;
        const from = starts[middle]!;
        const to = Math.min(from + wanted.length, starts[middle + 1]! - 1);
        if (text.compare(wanted, 0, wanted.length, from, to) < 0) low = middle + 1;
        else high = middle;
      }
      const found = low < end ? line(low) : "";
      if (!found.startsWith(`${key}\t`)) return null;
      const [name = "", id = ""] = line(1 + Number(found.slice(key.length + 1))).split("\t");
      return { name, id };
    },
  };
}

/** Where each line begins, and at the end where one more would. */
function lineStarts(text: Buffer): Uint32Array {
  const starts = [0];
  for (let at = text.indexOf(10); at !== -1; at = text.indexOf(10, at + 1)) starts.push(at + 1);
  return Uint32Array.from(starts);
}
