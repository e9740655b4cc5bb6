/**
 * What the name of a layer says of its values, by its words: "raw_counts" are the counts,
 * "ambient_counts" those of something else, and "RNA" says nothing.
 */
export type LayerName = "counts" | "something else" | "unsaid";

/** A name of these words alone, one of them telling of counts, is that of the counts. */
const OF_COUNTS = new Set(["count", "counts", "umi", "umis", "raw", "integer", "integers"]);
const BESIDE_COUNTS = new RegExp(
  `^(?:${[
    String.raw`original|orig|initial|unnormali[sz]ed|untransformed|uncorrected|unscaled|gene|genes|expression|rna`,
    String.raw`mrna|gex|matrix|data|x|cell|cells|all|full|total|\d+`,
  ].join("|")})$`,
);
/** Counts, but not of what a cell expresses: of its droplet, of a part of its RNA, of other molecules. */
const SOMETHING_ELSE = new RegExp(
  `^(?:${[
    String.raw`ambient|background|soup\w*|contamina\w*|empty\w*|droplets?|drops?|noise|unspliced|spliced|nascent`,
    String.raw`mature|intron\w*|exon\w*|velocity|ambiguous|spanning|antisense|labell?ed|unlabell?ed|adt|adts|ab`,
    String.raw`antibod\w*|protein\w*|prot|cite|citeseq|hto|htos|hash\w*|tag|tags|atac|peaks?|fragments?|tiles?`,
    String.raw`grnas?|sgrnas?|guides?|crispr|barcodes?|spike\w*|ercc|mito\w*|mt|tcr|bcr|vdj|snps?|alleles?|allelic`,
    String.raw`ref|alt|reference|alternative|maternal|paternal|doublets?|simulated|shuffled|permuted|predicted`,
  ].join("|")})$`,
);

export function layerName(name: string): LayerName {
  const words = name
    .replace(/^layers\//, "")
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .replaceAll(/raw(?=counts?|umis?|data)|umi(?=counts?)|count(?=matrix|data)/g, "$& ")
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  if (words.some((word) => SOMETHING_ELSE.test(word))) return "something else";
  return words.some((word) => OF_COUNTS.has(word)) &&
    words.every((word) => OF_COUNTS.has(word) || BESIDE_COUNTS.test(word))
    ? "counts"
    : "unsaid";
}
