import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { distance } from "fastest-levenshtein";
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
  /** The concepts with a name within `edits` of `key` that begins as it does and has its digits. */
  near(key: string, edits: number): Concept[];
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

/** A tab and the number of a concept. */
const LONGEST_NUMBER = 8;

export function unpackNames(packed: Uint8Array): NameList {
  const lines = brotliDecompressSync(packed);
  const starts = lineStarts(lines);
  const line = (index: number): string =>
    index < starts.length - 1 ? lines.toString("utf8", starts[index], starts[index + 1]! - 1) : "";
  const concepts = Number(line(0));
  const first = concepts + 1;
  const end = starts.length - 1;
  return {
    names: end - first,
    bytes: lines.length + starts.byteLength,
    find(key) {
      if (key === "") return null;
      const found = line(firstFrom(`${key}\t`));
      return found.startsWith(`${key}\t`) ? conceptOf(found.slice(key.length + 1)) : null;
    },
    near(key, edits) {
      const letter = key.slice(0, 1);
      const digits = key.replaceAll(/\D+/g, "");
      const near = new Set<string>();
      const bytes = Buffer.byteLength(key);
      const initial = Buffer.from(letter)[0];
      const [least, most] = [bytes - 4 * edits, bytes + 4 * edits + LONGEST_NUMBER];
      for (let at = firstFrom(letter); at < end; at++) {
        const length = starts[at + 1]! - starts[at]! - 1;
        if (lines[starts[at]!] !== initial) break;
        if (length < least || length > most) continue;
        const [known = "", concept = ""] = line(at).split("\t");
        if (
          known.startsWith(letter) &&
          Math.abs(known.length - key.length) <= edits &&
          known.replaceAll(/\D+/g, "") === digits &&
          distance(known, key) <= edits
        )
          near.add(concept);
      }
      return [...near].map(conceptOf);
    },
  };

  /** The first line of a key that is not before `text` in the order of bytes. */
  function firstFrom(text: string): number {
    const wanted = Buffer.from(text);
    let [low, high] = [first, end];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const from = starts[middle]!;
      const to = Math.min(from + wanted.length, starts[middle + 1]! - 1);
      if (lines.compare(wanted, 0, wanted.length, from, to) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function conceptOf(number: string): Concept {
    const [name = "", id = ""] = line(1 + Number(number)).split("\t");
    return { name, id };
  }
}

/** Where each line begins, and at the end where one more would. */
function lineStarts(text: Buffer): Uint32Array {
  const starts = [0];
  for (let at = text.indexOf(10); at !== -1; at = text.indexOf(10, at + 1)) starts.push(at + 1);
  return Uint32Array.from(starts);
}
