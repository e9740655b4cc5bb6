import { HaystackError } from "../../errors.ts";
import type { H5adFile, Slot } from "../anndata/open.ts";
import type { AtlasColumns } from "./atlas-index.ts";
import { otherFeatures, type OtherFeatures } from "./columns/feature-kinds.ts";
import { dashed } from "./columns/gene-lookup.ts";
import { type GeneKnowledge, geneColumn, symbolIn } from "./columns/gene-names.ts";
import { foreignName, type Genomes, genomesOf } from "./columns/genomes.ts";

/** What becomes of genes that share a symbol. */
export const REPEATED_GENES = ["sum", "keep", "refuse"] as const;
export type RepeatedGenes = (typeof REPEATED_GENES)[number];

export interface SlotGenes {
  readonly genes: readonly string[];
  /**
   * For each gene of the slot the position of its name in `genes`, -1 for what is no gene; null: they
   * are the same.
   */
  readonly positions: Int32Array | null;
  readonly withoutSymbol: number;
  /** Symbols that more than one gene has. */
  readonly repeated: readonly string[];
  /** Whether names such as GRCh38_ISG15 were shortened to the symbol in them. */
  readonly shortened: boolean;
  /** Where the genes are of several: those of the others have no symbols. */
  readonly genomes: Genomes | null;
  /** Names with dots that were read as symbols with dashes. */
  readonly dashed: ReadonlyMap<string, string>;
  /** Antibodies, guides and the like, which are left out. */
  readonly otherFeatures: OtherFeatures | null;
}

/**
 * The gene symbols of a slot, in its order. Genes without a symbol keep their name of the index.
 * `knowledge` tells which names with dots are symbols with dashes. Genes that share a symbol become one, their counts added up, or keep their ids.
 * @throws GENES_DUPLICATED where repeats are refused, COLUMN_NOT_FOUND
 */
export function geneSymbols(
  file: H5adFile,
  slot: Slot,
  column: AtlasColumns["gene_symbols"],
  repeats: RepeatedGenes = "sum",
  knowledge: GeneKnowledge = {},
): SlotGenes {
  const frame = slot.name === "raw/X" ? "raw/var" : "var";
  const index = file.index(frame);
  const symbols = column === null ? index : geneColumn(file, frame, column);
  const genomes = genomesOf(file, frame);
  const long = symbols.map((symbol, gene) =>
    genomes?.isOther[gene] === true
      ? foreignName(index[gene] ?? "", symbol, genomes.others[0] ?? "")
      : (symbol ?? index[gene] ?? ""),
  );
  const short = long.map((name, gene) => (genomes?.isOther[gene] === true ? name : symbolIn(name)));
  const own = long.length - (genomes?.isOther.filter((is) => is).length ?? 0);
  const shortened = short.filter((name, gene) => name !== long[gene]).length * 2 > own;
  const written = shortened ? short : long;
  const symbolOf = dashed(written, knowledge);
  const all = written.map((name) => symbolOf.get(name) ?? name);
  const others = otherFeatures(file, frame);
  const kept = [...all.keys()].filter((gene) => others?.isOther[gene] !== true);
  const genes = others === null ? all : kept.map((gene) => all[gene] as string);
  const withoutSymbol = kept.filter((gene) => symbols[gene] === null).length;
  const uses = Map.groupBy(genes.keys(), (gene) => genes[gene] ?? "");
  const repeated = [...uses].filter(([, those]) => those.length > 1).map(([name]) => name);
  const facts = {
    withoutSymbol,
    repeated,
    shortened,
    genomes,
    otherFeatures: others,
    dashed: symbolOf,
  };
  if (repeated.length > 0 && repeats === "refuse") {
    const message = `${repeated.length} gene names occur more than once in ${file.path} (${repeated.slice(0, 5).join(", ")}); add their counts up with --repeated-genes sum, keep them apart with --repeated-genes keep, or name another column with --gene-symbols-column.`;
    throw new HaystackError("GENES_DUPLICATED", message);
  }
  if (repeated.length === 0 || repeats === "keep") {
    const ids = kept.map((gene) => index[gene] ?? "");
    return {
      genes: repeated.length === 0 ? genes : keptApart(genes, ids),
      positions: others === null ? null : placed(all.length, kept, (_, at) => at),
      ...facts,
    };
  }
  const names = [...uses.keys()];
  const position = new Map(names.map((name, at) => [name, at]));
  return {
    genes: names,
    positions: placed(all.length, kept, (gene) => position.get(all[gene] as string) as number),
    ...facts,
  };
}

/** Of all genes of a slot the new places of those that are kept, -1 for the others. */
function placed(
  n: number,
  kept: readonly number[],
  placeOf: (gene: number, at: number) => number,
): Int32Array {
  const positions = new Int32Array(n).fill(-1);
  for (const [at, gene] of kept.entries()) positions[gene] = placeOf(gene, at);
  return positions;
}

/** Genes of a repeated name get the name of the index, and where that repeats too a number. */
function keptApart(genes: readonly string[], index: readonly string[]): string[] {
  const uses = Map.groupBy(genes, (name) => name);
  const named = genes.map((name, gene) =>
    (uses.get(name)?.length ?? 0) > 1 ? (index[gene] ?? name) : name,
  );
  const taken = new Set(named);
  const seen = new Set<string>();
  return named.map((name) => {
    let free = name;
    for (let number = 1; seen.has(free) || (free !== name && taken.has(free)); number += 1)
      free = `${name}-${number}`;
    seen.add(free);
    return free;
  });
}
