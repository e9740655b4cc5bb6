import { columnLabels } from "../../anndata/frame.ts";
import type { H5adFile } from "../../anndata/open.ts";
import { plain } from "./usual-names.ts";

/**
 * Files of human and mouse cells together have genes of both: "Actb" of the mouse is not "ACTB", though
 * models that compare symbols without their case take it for that.
 */

/** The genome before a name, "GRCh38" of "GRCh38_ISG15" and "mm10" of "mm10___Isg15". */
const PREFIX = /^(GRCh3[78]|hg19|hg38|GRCm3[89]|mm10|mm9|mm39|GRCr\w+|rn[67]|GRCz11|dm6)_+/i;
const ENSEMBL = /^ENS([A-Z]*)G\d{6,}/;
const HUMAN = /^(?:GRCh|hg\d|homo|human|ENSG$)/i;
/** Of fewer genes it is a virus or a transgene, which nobody takes for a gene of the other. */
const LEAST = 0.05;

export interface Genomes {
  /** The one whose genes have plain symbols. */
  readonly main: string;
  readonly others: readonly string[];
  /** For each gene whether it is of another genome. */
  readonly isOther: readonly boolean[];
}

/** Null where all genes are of one genome, as far as anybody can tell. */
export function genomesOf(file: H5adFile, frame: "var" | "raw/var"): Genomes | null {
  const index = file.index(frame);
  const column = file.columns(frame).find(({ name }) => plain(name) === "genome");
  const told =
    column === undefined || column.kind === "unsupported"
      ? []
      : columnLabels(file.column(frame, column.name));
  return [
    index.map((name) => PREFIX.exec(name)?.[1] ?? null),
    told,
    index.map((name) => {
      const species = ENSEMBL.exec(name)?.[1];
      return species === undefined ? null : `ENS${species}G`;
    }),
  ].reduce<Genomes | null>((found, each) => found ?? severalIn(each), null);
}

function severalIn(genomes: readonly (string | null)[]): Genomes | null {
  const counts = new Map<string, number>();
  for (const genome of genomes)
    if (genome !== null && genome !== "") counts.set(genome, (counts.get(genome) ?? 0) + 1);
  const large = [...counts]
    .filter(([, n]) => n >= LEAST * genomes.length)
    .toSorted((a, b) => b[1] - a[1])
    .map(([genome]) => genome);
  const main = large.find((genome) => HUMAN.test(genome)) ?? large[0];
  if (main === undefined || large.length < 2) return null;
  const others = large.filter((genome) => genome !== main);
  return { main, others, isOther: genomes.map((each) => each !== null && others.includes(each)) };
}

/** How genes of other genomes are called: by a name that is no symbol. */
export function foreignName(id: string, symbol: string | null, genome: string): string {
  return PREFIX.test(id) || ENSEMBL.test(id) ? id : `${genome}_${symbol ?? id}`;
}
