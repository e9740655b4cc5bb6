import { z } from "zod";

/**
 * The curated knowledge: data files in data/, each entry with its source, which says what of it
 * nobody reviewed. These schemas check them at load. Gene symbols are upper-case HGNC symbols.
 */

const source = z.string().min(3);

export const cellTypeEntrySchema = z.object({
  /** Cell Ontology id. */
  id: z.string().regex(/^CL:\d{7}$/),
  name: z.string(),
  synonyms: z.array(z.string()),
  /** Cell Ontology ids of its parents (is_a), each present in the file; a root has none. */
  parents: z.array(z.string().regex(/^CL:\d{7}$/)),
  tissues: z.array(z.string()),
  markers: z.array(z.string()),
  /**
   * Common cell lines of this lineage, e.g. "THP-1" of the monocyte; they stand for it, but are not
   * the primary cells.
   */
  cell_lines: z.array(z.string()),
  source,
});
export type CellTypeEntry = z.infer<typeof cellTypeEntrySchema>;

export const pathwayEntrySchema = z.object({
  /**
   * Id in its database, e.g. "R-HSA-909733" (Reactome), "hsa04668" (KEGG), "HALLMARK_HYPOXIA"
   * (MSigDB), "GO:0006954".
   */
  id: z.string(),
  name: z.string(),
  genes: z.array(z.string()).min(5),
  source,
});
export type PathwayEntry = z.infer<typeof pathwayEntrySchema>;

const direction = z.enum(["up", "down"]);

export const perturbationEntrySchema = z.object({
  /** Slug, e.g. "ifn-beta". */
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  name: z.string(),
  /** A vaccine is what it makes cells meet: a pathogen, or a part of one. */
  kind: z.enum(["drug", "cytokine", "genetic", "environment", "pathogen"]),
  /** Abbreviations, brand names, old names, gene symbol; any case, Greek spelled out or not. */
  synonyms: z.array(z.string()),
  external_ids: z.record(z.string(), z.string()),
  /**
   * Genes or proteins acted on directly: the receptor of a cytokine, the enzyme a drug inhibits,
   * the gene knocked out.
   */
  targets: z.array(
    z.object({
      gene: z.string(),
      action: z.enum(["activates", "inhibits", "binds", "knocks_out", "overexpresses"]),
    }),
  ),
  /** Genes whose expression is known to respond, most reliable first. */
  response: z.array(z.object({ gene: z.string(), direction })),
  /** Pathway ids of the pathways file, and where the activity goes. */
  pathways: z.array(z.object({ id: z.string(), direction })),
  /**
   * Mechanism class, e.g. "type I interferon", "JAK inhibitor": entries of one class are near to
   * each other.
   */
  mechanism: z.string(),
  source,
});
export type PerturbationEntry = z.infer<typeof perturbationEntrySchema>;

export interface Knowledge {
  readonly cellTypes: readonly CellTypeEntry[];
  readonly perturbations: readonly PerturbationEntry[];
  readonly pathways: readonly PathwayEntry[];
}
