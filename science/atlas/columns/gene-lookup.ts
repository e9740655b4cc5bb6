import type { H5adFile } from "../../anndata/open.ts";
import { type GeneKnowledge, geneColumn, type GeneNames, symbolsOfIds } from "./gene-names.ts";
import type { GeneOf } from "./gene-words.ts";

/**
 * Names with dots where their symbols have dashes, as R makes them: HLA.DRA is HLA-DRA where that is a
 * known symbol and no name of its own.
 */
export function dashed(
  names: readonly string[],
  { geneSymbol }: GeneKnowledge,
): ReadonlyMap<string, string> {
  const own = new Set(names);
  return new Map(
    names.flatMap((name) => {
      const symbol = name.replaceAll(".", "-");
      const isSymbol = symbol !== name && !own.has(symbol) && geneSymbol?.(symbol) === symbol;
      return isSymbol ? [[name, symbol] as const] : [];
    }),
  );
}

export interface GeneLookup {
  /** Whether the file has a gene of this name or id. */
  readonly has: (word: string) => boolean;
  readonly geneOf: GeneOf;
}

/** The genes of the file by their names, symbols and ids; `symbols`: the column that has them. */
export function geneLookup(
  file: H5adFile,
  frame: "var" | "raw/var",
  { names }: GeneNames,
  symbols: string | null,
  knowledge: GeneKnowledge,
): GeneLookup {
  const named = [...names, ...(symbols === null ? [] : geneColumn(file, frame, symbols))].filter(
    (name) => name !== null,
  );
  const symbolOf = dashed(named, knowledge);
  const known = new Map([
    ...symbolsOfIds(file, frame, symbols),
    ...named.map((name) => [name.toLowerCase(), symbolOf.get(name) ?? name] as const),
    ...symbolOf.values().map((symbol) => [symbol.toLowerCase(), symbol] as const),
  ]);
  return {
    has: (word) => known.has(word.toLowerCase()),
    geneOf: (word) =>
      known.get(word.toLowerCase().replace(/^(ens[a-z]*g\d{6,})\.\d+$/, "$1")) ??
      knowledge.geneSymbol?.(word) ??
      null,
  };
}
