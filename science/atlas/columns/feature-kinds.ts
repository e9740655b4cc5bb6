import type { H5adFile } from "../../anndata/open.ts";
import { geneColumn } from "./gene-names.ts";
import { plain } from "./usual-names.ts";

/**
 * Matrices of Cell Ranger may hold antibodies, hashtags and guides beside the genes: the antibody CD14
 * is not the gene CD14.
 */
const NAMES = /^(?:featuretypes?|modality)$/;
const GENES = /^(?:geneexpressions?|genes?|rna|gex)$/;

export interface OtherFeatures {
  /** For each feature whether it is no gene. */
  readonly isOther: readonly boolean[];
  /** What they are, as the file calls it. */
  readonly kinds: readonly string[];
}

/** Null where all features are genes, as far as the file says. */
export function otherFeatures(file: H5adFile, frame: "var" | "raw/var"): OtherFeatures | null {
  const column = [...file.columns(frame), ...file.columns("var")].find(
    ({ name, kind }) => NAMES.test(plain(name)) && (kind === "categorical" || kind === "string"),
  );
  if (column === undefined) return null;
  const labels = geneColumn(file, frame, column.name);
  if (!labels.some((label) => GENES.test(plain(label ?? "")))) return null;
  const isOther = labels.map((label) => label !== null && !GENES.test(plain(label)));
  const kinds = [...new Set(labels.filter((label, at) => label !== null && isOther[at] === true))];
  return kinds.length === 0 ? null : { isOther, kinds: kinds.filter((kind) => kind !== null) };
}
