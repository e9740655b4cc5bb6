import { brotliCompressSync, brotliDecompressSync } from "node:zlib";

/**
 * A collection of gene sets as it is shipped: text under Brotli. The first line has all genes,
 * sorted; then a line for each set with id, name and its genes: the place of each in the first line
 * less the place of the one before, in base 36. Fields are separated by tabs.
 */

export interface NamedGenes {
  readonly id: string;
  readonly name: string;
  readonly genes: readonly string[];
}

const RADIX = 36;

/** Ids are unique; no text has a tab or a line break. The same sets give the same bytes. */
export function packGeneSets(sets: readonly NamedGenes[]): Uint8Array {
  const genes = [...new Set(sets.flatMap((set) => set.genes))].toSorted();
  const place = new Map(genes.map((gene, i) => [gene, i]));
  const lines = sets
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((set) => {
      const places = [...new Set(set.genes)]
        .map((gene) => place.get(gene) ?? 0)
        .toSorted((a, b) => a - b);
      const gaps = places.map((at, i) => (at - (places[i - 1] ?? 0)).toString(RADIX));
      return [set.id, set.name, ...gaps].join("\t");
    });
  return brotliCompressSync([genes.join("\t"), ...lines].join("\n"));
}

export function unpackGeneSets(packed: Uint8Array): NamedGenes[] {
  const [first = "", ...lines] = brotliDecompressSync(packed).toString("utf8").split("\n");
  const genes = first.split("\t");
  return lines.map((line) => {
    const [id = "", name = "", ...gaps] = line.split("\t");
    let place = 0;
    return {
      id,
      name,
      genes: gaps.map((gap) => {
        place += Number.parseInt(gap, RADIX);
        return genes[place]!;
      }),
    };
  });
}
