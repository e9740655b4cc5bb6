import { HaystackError } from "../../errors.ts";
import type { AnnData, CsrMatrix } from "../anndata/anndata.ts";
import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import { readGroup } from "../atlas/open.ts";
import { drawWithoutReplacement, randomStream } from "../simulate/seeded-random.ts";

export interface DrawRequest {
  readonly parts: readonly { readonly group_id: string; readonly n_cells: number }[];
  readonly atlases: readonly OpenAtlas[];
  readonly seed: number;
  /** obs column with one constant value, by which the inference program splits its input. */
  readonly splitColumn?: string;
}

export const SPLIT_COLUMN = "haystack_split";
const SPLIT_VALUE = "all";

interface Source {
  readonly atlas: OpenAtlas;
  readonly group: CellGroup;
  readonly nCells: number;
}

function locate({ parts, atlases }: DrawRequest): Source[] {
  const byId = new Map(atlases.flatMap((atlas) => atlas.index.groups.map((group) => [group.group_id, { atlas, group }] as const)));
  return parts.map(({ group_id: id, n_cells: nCells }) => {
    const found = byId.get(id);
    if (found === undefined) throw new HaystackError("NO_PROMPT_CELLS", `The cell group ${id} is in none of the open atlases; import its atlas again.`);
    if (nCells > found.group.n_cells) {
      throw new HaystackError("NO_PROMPT_CELLS", `The cell group ${id} holds ${found.group.n_cells} cells, so ${nCells} cannot be drawn; ask for fewer.`);
    }
    return { ...found, nCells };
  });
}

/** Genes of the result, and of each data set's genes its column there (-1: left out). */
function shareGenes(atlases: readonly OpenAtlas[]): { readonly genes: readonly string[]; readonly columns: ReadonlyMap<OpenAtlas, Int32Array> } {
  const [first, ...others] = atlases;
  if (first === undefined) throw new HaystackError("NO_PROMPT_CELLS", "No cells were asked for; choose at least one cell group.");
  if (others.length === 0) return { genes: first.index.genes, columns: new Map([[first, Int32Array.from(first.index.genes.keys())]]) };
  const elsewhere = others.map(({ index }) => new Set(index.genes.map((gene) => gene.toUpperCase())));
  const shared = first.index.genes.filter((gene) => elsewhere.every((symbols) => symbols.has(gene.toUpperCase())));
  const genes = [...new Map(shared.toReversed().map((gene) => [gene.toUpperCase(), gene])).values()].toReversed();
  if (genes.length === 0) throw new HaystackError("NO_PROMPT_CELLS", "The chosen data sets share no gene symbols; import them with the column that holds gene symbols.");
  const position = new Map(genes.map((gene, i) => [gene.toUpperCase(), i]));
  const columnsOf = ({ index }: OpenAtlas): Int32Array => {
    const left = new Map(position);
    return Int32Array.from(index.genes, (gene) => {
      const column = left.get(gene.toUpperCase()) ?? -1;
      left.delete(gene.toUpperCase());
      return column;
    });
  };
  return { genes, columns: new Map(atlases.map((atlas) => [atlas, columnsOf(atlas)])) };
}

/** The chosen rows with columns renumbered, ascending again within each row. */
function takeRows(X: CsrMatrix, rows: Int32Array, columns: Int32Array, nCols: number): CsrMatrix {
  const nonZeros = rows.reduce((sum, row) => sum + X.indptr[row + 1]! - X.indptr[row]!, 0);
  const data = new Float32Array(nonZeros);
  const indices = new Int32Array(nonZeros);
  const indptr = new Int32Array(rows.length + 1);
  let used = 0;
  rows.forEach((row, r) => {
    const entries: [column: number, count: number][] = [];
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1) {
      const column = columns[X.indices[k]!]!;
      if (column >= 0) entries.push([column, X.data[k]!]);
    }
    for (const [column, count] of entries.toSorted(([a], [b]) => a - b)) {
      indices[used] = column;
      data[used] = count;
      used += 1;
    }
    indptr[r + 1] = used;
  });
  return { nRows: rows.length, nCols, data: data.subarray(0, used), indices: indices.subarray(0, used), indptr };
}

function stack(matrices: readonly CsrMatrix[], nCols: number): CsrMatrix {
  const nRows = matrices.reduce((sum, matrix) => sum + matrix.nRows, 0);
  const nonZeros = matrices.reduce((sum, matrix) => sum + matrix.data.length, 0);
  const stacked = { nRows, nCols, data: new Float32Array(nonZeros), indices: new Int32Array(nonZeros), indptr: new Int32Array(nRows + 1) };
  let row = 0;
  let used = 0;
  for (const matrix of matrices) {
    stacked.data.set(matrix.data, used);
    stacked.indices.set(matrix.indices, used);
    for (let r = 1; r <= matrix.nRows; r += 1) stacked.indptr[row + r] = used + matrix.indptr[r]!;
    row += matrix.nRows;
    used += matrix.data.length;
  }
  return stacked;
}

/**
 * Draws cells of the named groups without replacement into one AnnData (cells x genes, CSR counts float32). Reads only
 * these groups' shards. Each group has its own random stream, so its draw depends on the seed and the group alone.
 * With several data sets the genes are the intersection of their upper-cased symbols, spelled as in the first;
 * uns "genes" says which. Throws NO_PROMPT_CELLS for unknown groups or more cells than a group holds.
 */
export async function drawCells(request: DrawRequest): Promise<AnnData> {
  const sources = locate(request).filter(({ nCells }) => nCells > 0);
  const atlases = [...new Set(sources.map(({ atlas }) => atlas))];
  const { genes, columns } = shareGenes(atlases);
  const matrices: CsrMatrix[] = [];
  const index: string[] = [];
  const obs = { cell_type: [] as string[], perturbation: [] as string[], donor: [] as string[], group_id: [] as string[], [request.splitColumn ?? SPLIT_COLUMN]: [] as string[] };
  for (const { atlas, group, nCells } of sources) {
    const cells = await readGroup(atlas.dir, group);
    const rows = drawWithoutReplacement(randomStream(request.seed, `draw/${group.group_id}`), cells.X.nRows, nCells);
    matrices.push(takeRows(cells.X, rows, columns.get(atlas)!, genes.length));
    for (const row of rows) {
      index.push(`${group.group_id}:${cells.obs.index[row]!}`);
      obs.cell_type.push(group.cell_type);
      obs.perturbation.push(group.perturbation);
      obs.donor.push(group.donor);
      obs.group_id.push(group.group_id);
      obs[request.splitColumn ?? SPLIT_COLUMN]!.push(SPLIT_VALUE);
    }
  }
  return {
    X: stack(matrices, genes.length),
    obs: { index, columns: obs },
    var: { index: genes, columns: {} },
    uns: {
      genes: atlases.length === 1 ? `all genes of ${atlases[0]!.index.dataset}` : `intersection of ${atlases.map((atlas) => atlas.index.dataset).join(", ")}`,
      simulated: atlases.some((atlas) => atlas.index.simulated) ? 1 : 0,
    },
  };
}
