import { columnLabels } from "../../anndata/frame.ts";
import { LargeMap } from "../../anndata/large-map.ts";
import type { H5adFile } from "../../anndata/open.ts";
import { checkGroupCount } from "../limits.ts";

/** A column as codes into its distinct labels; -1 where a cell has none. */
export interface CodedLabels {
  readonly name: string;
  readonly labels: readonly string[];
  readonly codes: Int32Array;
  readonly missing: number;
}

/** Reads columns of obs once each. */
export type ReadLabels = (name: string) => CodedLabels;

export function labelReader(file: H5adFile): ReadLabels {
  const read = new Map<string, CodedLabels>();
  return (name) => {
    const known = read.get(name) ?? codedLabels(name, columnLabels(file.column("obs", name)));
    read.set(name, known);
    return known;
  };
}

export function codedLabels(name: string, cells: readonly (string | null)[]): CodedLabels {
  const positions = new LargeMap<number>();
  let missing = 0;
  const codes = Int32Array.from(cells, (label) => {
    if (label === null) {
      missing += 1;
      return -1;
    }
    const known = positions.get(label);
    if (known !== undefined) return known;
    const next = positions.size;
    positions.set(label, next);
    return next;
  });
  return { name, labels: Array.from(positions.entries(), ([label]) => label), codes, missing };
}

/** @throws GROUP_EMPTY where the labels are too many to set groups apart */
export const checkLabelCount = ({ name, labels }: CodedLabels): void =>
  checkGroupCount(labels.length, `Column "${name}"`);

/** Ids rather than words: "CVCL_0023", "CL:0000236", "ACH-000681", "12". */
const ID =
  /^(?:CVCL_\w{4}|CL[:_]\d{7}|UBERON[:_]\d+|CHEBI[:_]\d+|ACH-\d{6}|SIDM\d+|DB\d{5}|BRD-[AKU]\d+\S*|CHEMBL\d+|CID\s?\d+|ENS[A-Z]*G\d{6,}(?:\.\d+)?|[A-Z]{14}-[A-Z]{10}-[A-Z]|-?\d+(?:\.\d+)?)$/;

/** The share of labels that are ids and so say nothing to a reader, 0 to 1. */
export function idShare({ labels }: Pick<CodedLabels, "labels">): number {
  return labels.length === 0 ? 1 : labels.filter((label) => ID.test(label)).length / labels.length;
}

/**
 * How the cells of `fine` lie in those of `coarse`, over cells that have both: "same" when each
 * label meets one of the other, "nested" when each fine label meets one coarse label.
 */
export function nesting(fine: CodedLabels, coarse: CodedLabels): "same" | "nested" | "crossed" {
  const coarseOf = new Int32Array(fine.labels.length).fill(-1);
  const fineOf = new Int32Array(coarse.labels.length).fill(-1);
  let same = true;
  for (let cell = 0; cell < fine.codes.length; cell += 1) {
    const [f, c] = [fine.codes[cell] as number, coarse.codes[cell] as number];
    if (f < 0 || c < 0) continue;
    if (coarseOf[f] === -1) coarseOf[f] = c;
    else if (coarseOf[f] !== c) return "crossed";
    if (fineOf[c] === -1) fineOf[c] = f;
    else if (fineOf[c] !== f) same = false;
  }
  return same ? "same" : "nested";
}
