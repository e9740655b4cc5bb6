/** Suffix that keeps equal symbols apart in some data sets, e.g. "TAP1_ENSG00000168394". */
const ENSEMBL_SUFFIX = /_ENSG\d+(\.\d+)?$/;

/**
 * The symbol by which a gene is looked up in the knowledge: upper case, without an Ensembl suffix.
 */
export function geneSymbol(name: string): string {
  return name.toUpperCase().replace(ENSEMBL_SUFFIX, "");
}
