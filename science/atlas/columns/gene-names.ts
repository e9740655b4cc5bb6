import { columnLabels } from "../../anndata/frame.ts";
import type { H5adFile } from "../../anndata/open.ts";
import { allOf, plain } from "./usual-names.ts";

/** What the names of genes are, by their look and by what is known. */
export type GeneNameKind = "symbols" | "ensembl" | "other";

export interface GeneNames {
  /** The var column that has the symbols; null: the index is used. */
  readonly column: string | null;
  readonly kind: GeneNameKind;
  readonly names: readonly string[];
  /** Further columns with symbols. */
  readonly others: readonly string[];
}

export interface GeneKnowledge {
  geneSymbol?(label: string): string | null;
}

const GENE_SYMBOLS = [
  "feature_name",
  "gene_symbol",
  "gene_symbols",
  "gene_name",
  "gene_names",
  "real_gene_name",
  "symbol",
  "symbols",
  "hgnc_symbol",
  "mgi_symbol",
  "gene_short_name",
  "external_gene_name",
  "name",
  "gene",
  "genes",
  "features",
];
const ENSEMBL = /^ENS[A-Z]*[GT]\d{6,}(?:\.\d+)?$/;
const SYMBOL = /^[A-Za-z](?=[A-Za-z0-9]*[A-Za-z0-9])[A-Za-z0-9]*(?:[-._@/][A-Za-z0-9]+)*$/;
const NOT_SYMBOL =
  /^(?:ENS[A-Z]*[GTPE]\d{6,}|(?:NM|NR|XM|XR|NP|NC)_\d+|LOC\d+$|chr[\dXYM]|ILMN_|\d+_(?:x_|s_|a_)?at$|FBgn\d+|WBGene\d+|AT\dG\d{5}|HGNC:|MGI:)/;
const SAMPLE = 4000;
/** The columns above this share have other names than the index: known symbols tell. */
const CLEARLY_BETTER = 5;

/** The names of genes that are symbols: of the index, or of the column whose values are. */
export function chooseGeneNames(
  file: H5adFile,
  frame: "var" | "raw/var",
  knowledge: GeneKnowledge,
): GeneNames {
  const index = file.index(frame);
  const own = judge(index, knowledge);
  const columns = geneColumns(file, frame).flatMap((name) => {
    const judged = judge(geneColumn(file, frame, name), knowledge);
    return judged.kind === "symbols" ? [{ name, ...judged }] : [];
  });
  const usual = allOf(
    GENE_SYMBOLS,
    columns.map(({ name }) => name),
  );
  const order = ({ name }: { readonly name: string }) =>
    usual.includes(name) ? usual.indexOf(name) : usual.length;
  const best = columns.toSorted((a, b) => b.known - a.known || order(a) - order(b));
  const first =
    best.find((one) => one.known >= (best[0]?.known ?? 0) * 0.8 && order(one) < usual.length) ??
    best[0];
  const others = (chosen: string | null) =>
    columns.map(({ name }) => name).filter((name) => name !== chosen);
  if (
    first !== undefined &&
    (own.kind !== "symbols" || (first.known > 0.05 && first.known > CLEARLY_BETTER * own.known))
  )
    return {
      column: first.name,
      kind: "symbols",
      names: geneColumn(file, frame, first.name).map((name, gene) => name ?? index[gene] ?? ""),
      others: others(first.name),
    };
  return { column: null, kind: own.kind, names: index, others: others(null) };
}

/** A column of the genes of a slot; raw/var often lacks what var has, so that is looked at too. */
export function geneColumn(
  file: H5adFile,
  frame: "var" | "raw/var",
  column: string,
): readonly (string | null)[] {
  if (frame === "var" || file.columns("raw/var").some(({ name }) => name === column))
    return columnLabels(file.column(frame, column));
  const known = new Map(
    columnLabels(file.column("var", column)).map((symbol, gene) => [
      file.index("var")[gene],
      symbol,
    ]),
  );
  return file.index("raw/var").map((name) => known.get(name) ?? null);
}

/** By Ensembl ids in small letters, without their version, the symbols beside them. */
export function symbolsOfIds(
  file: H5adFile,
  frame: "var" | "raw/var",
  symbols: string | null,
): (readonly [string, string])[] {
  const index = file.index(frame);
  const names = symbols === null ? index : geneColumn(file, frame, symbols);
  const ids = geneColumns(file, frame)
    .filter((name) => name !== symbols && /ens|id|accession/.test(plain(name)))
    .map((name) => geneColumn(file, frame, name));
  return [...(symbols === null ? [] : [index]), ...ids].flatMap((column) =>
    column.flatMap((id, gene) => {
      const symbol = names[gene] ?? null;
      return id === null || symbol === null || !ENSEMBL.test(id) || ENSEMBL.test(symbol)
        ? []
        : [[id.replace(/\.\d+$/, "").toLowerCase(), symbol] as const];
    }),
  );
}

/** How many of the names are known symbols. */
export function knownGenes(names: readonly string[], { geneSymbol }: GeneKnowledge): number | null {
  return geneSymbol === undefined
    ? null
    : names.reduce((known, name) => known + (geneSymbol(name) === null ? 0 : 1), 0);
}

/** The symbol in "GRCh38_ISG15", "ENSG00000187608_ISG15" or "ISG15_ENSG00000187608.4". */
export function symbolIn(name: string): string {
  const found =
    /^(?:GRCh3[78]|hg19|hg38|GRCm3[89]|mm10|mm9|mm39)[_-]+(.+)$/.exec(name)?.[1] ??
    /^ENS[A-Z]*G\d{6,}(?:\.\d+)?[_|:-](.+)$/.exec(name)?.[1] ??
    /^(.+)[_|:-]ENS[A-Z]*G\d{6,}(?:\.\d+)?$/.exec(name)?.[1];
  return found ?? name;
}

function geneColumns(file: H5adFile, frame: "var" | "raw/var"): string[] {
  const frames = frame === "var" ? (["var"] as const) : (["raw/var", "var"] as const);
  return [
    ...new Set(
      frames.flatMap((each) =>
        file
          .columns(each)
          .filter(({ kind }) => kind === "string" || kind === "categorical")
          .filter(({ name }) => !/biotype|chrom|strand|reference|class|type$/.test(plain(name)))
          .map(({ name }) => name),
      ),
    ),
  ];
}

function judge(
  names: readonly (string | null)[],
  { geneSymbol }: GeneKnowledge,
): { readonly kind: GeneNameKind; readonly known: number } {
  const step = Math.max(1, Math.floor(names.length / SAMPLE));
  const sample = names.filter((_, at) => at % step === 0);
  const given = sample.filter((name) => name !== null).map(symbolIn);
  const distinct = [...new Set(given)];
  if (distinct.length === 0 || distinct.length * 3 < sample.length)
    return { kind: "other", known: 0 };
  const share = (is: (name: string) => boolean) => distinct.filter(is).length / distinct.length;
  if (share((name) => ENSEMBL.test(name)) > 0.5) return { kind: "ensembl", known: 0 };
  const known = geneSymbol === undefined ? 0 : share((name) => geneSymbol(name) !== null);
  const looks = share((name) => SYMBOL.test(name) && !NOT_SYMBOL.test(name)) > 0.5;
  return { kind: looks && (known > 0 || !isNumbered(distinct)) ? "symbols" : "other", known };
}

/** "gene1", "gene2" ...: one stem with numbers. */
function isNumbered(names: readonly string[]): boolean {
  const stems = Map.groupBy(names, (name) => name.replace(/[\d_.-]+$/, ""));
  return (
    names.length > 9 &&
    Math.max(...[...stems.values()].map((those) => those.length)) > 0.9 * names.length
  );
}
