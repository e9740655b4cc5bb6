import type { AtlasColumns } from "./atlas-index.ts";
import { HaystackError } from "../../errors.ts";
import { columnLabels } from "../anndata/frame.ts";
import type { H5adFile, Slot } from "../anndata/open.ts";

/**
 * The gene symbols of a slot, in its order. Genes without a symbol keep their name of the index.
 * @throws GENES_DUPLICATED
 */
export function geneSymbols(
  file: H5adFile,
  slot: Slot,
  column: AtlasColumns["gene_symbols"],
): { readonly genes: readonly string[]; readonly withoutSymbol: number } {
  const index = file.index(slot.name === "raw/X" ? "raw/var" : "var");
  const symbols = column === null ? index : symbolsOf(file, slot, column, index);
  const genes = symbols.map((symbol, gene) => symbol ?? index[gene] ?? "");
  const seen = new Set<string>();
  const repeated = [...new Set(genes.filter((gene) => seen.size === seen.add(gene).size))];
  if (repeated.length > 0) {
    const message = `${repeated.length} gene names occur more than once in ${file.path} (${repeated.slice(0, 5).join(", ")}); make them unique (adata.var_names_make_unique()) or name another column with --gene-symbols-column.`;
    throw new HaystackError("GENES_DUPLICATED", message);
  }
  return { genes, withoutSymbol: symbols.filter((symbol) => symbol === null).length };
}

function symbolsOf(
  file: H5adFile,
  slot: Slot,
  column: string,
  index: readonly string[],
): readonly (string | null)[] {
  if (slot.name !== "raw/X" || file.columns("raw/var").some(({ name }) => name === column)) {
    return columnLabels(file.column(slot.name === "raw/X" ? "raw/var" : "var", column));
  }
  const known = new Map(
    columnLabels(file.column("var", column)).map((symbol, gene) => [
      file.index("var")[gene],
      symbol,
    ]),
  );
  return index.map((name) => known.get(name) ?? null);
}
