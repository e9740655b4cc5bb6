import type { CsrMatrix } from "../anndata/anndata.ts";
import { stackRows, takeRows } from "../prompting/csr-rows.ts";
import { readGroup, type Cells } from "../atlas/read-group.ts";
import { CP10K } from "../statistics/normalise.ts";
import type { CellGroup } from "../atlas/atlas-index.ts";

/** Cells x genes, log1p(counts / library size * 1e4, or another total) in double precision. */
export interface LogCells {
  readonly nRows: number;
  readonly nCols: number;
  readonly data: Float64Array;
  readonly indices: Int32Array;
  readonly indptr: Int32Array;
}

/** The log-normalised values of counts. A cell without counts stays zero. */
export function logCells(
  { nRows, nCols, data, indices, indptr }: CsrMatrix,
  total = CP10K,
): LogCells {
  const logs = new Float64Array(data.length);
  for (let row = 0; row < nRows; row += 1) {
    let size = 0;
    for (let k = indptr[row]!; k < indptr[row + 1]!; k += 1) size += data[k]!;
    const scale = total / Math.max(size, 1e-9);
    for (let k = indptr[row]!; k < indptr[row + 1]!; k += 1) logs[k] = Math.log1p(scale * data[k]!);
  }
  return {
    nRows,
    nCols,
    data: logs,
    indices: Int32Array.from(indices),
    indptr: Int32Array.from(indptr),
  };
}

/** Mean of each gene over all cells, or over the rows given. */
export function meansOf(cells: LogCells, rows?: ArrayLike<number>): Float64Array {
  const means = new Float64Array(cells.nCols);
  const n = rows?.length ?? cells.nRows;
  for (let i = 0; i < n; i += 1) {
    const row = rows?.[i] ?? i;
    for (let k = cells.indptr[row]!; k < cells.indptr[row + 1]!; k += 1)
      means[cells.indices[k]!]! += cells.data[k]!;
  }
  return means.map((sum) => sum / Math.max(1, n));
}

/** Values of one gene after another: `column(gene)` is overwritten by the next call. */
function columnReader(cells: LogCells): (gene: number) => Float64Array {
  const starts = new Int32Array(cells.nCols + 1);
  for (const gene of cells.indices) starts[gene + 1]! += 1;
  for (let gene = 0; gene < cells.nCols; gene += 1) starts[gene + 1]! += starts[gene]!;
  const next = starts.slice();
  const rows = new Int32Array(cells.data.length);
  const values = new Float64Array(cells.data.length);
  for (let row = 0; row < cells.nRows; row += 1)
    for (let k = cells.indptr[row]!; k < cells.indptr[row + 1]!; k += 1) {
      const at = next[cells.indices[k]!]!++;
      rows[at] = row;
      values[at] = cells.data[k]!;
    }
  const column = new Float64Array(cells.nRows);
  return (gene) => {
    column.fill(0);
    for (let k = starts[gene]!; k < starts[gene + 1]!; k += 1) column[rows[k]!] = values[k]!;
    return column;
  };
}

/** All cells of the groups, or the rows of each that `rowsOf` names, in the order of the groups. */
export async function readCells(
  dir: string,
  groups: readonly CellGroup[],
  rowsOf?: (group: CellGroup) => Int32Array | undefined,
): Promise<Cells> {
  const names: string[] = [];
  const parts: CsrMatrix[] = [];
  for (const group of groups) {
    const cells = await readGroup(dir, group);
    const rows = rowsOf?.(group) ?? Int32Array.from(cells.names.keys());
    for (const row of rows) names.push(cells.names[row]!);
    parts.push(takeRows(cells.counts, rows));
  }
  return { names, counts: stackRows(parts, parts[0]?.nCols ?? 0) };
}

/** p of each gene by a test of its values, those of the treated cells first; NaN where not `wanted`. */
export function testByGene(
  treated: LogCells,
  control: LogCells,
  test: (both: Float64Array, nTreated: number, nControl: number) => number,
  wanted: (gene: number) => boolean = () => true,
): Float64Array {
  const [n, m] = [treated.nRows, control.nRows];
  const [ofTreated, ofControl] = [columnReader(treated), columnReader(control)];
  const both = new Float64Array(n + m);
  return Float64Array.from({ length: treated.nCols }, (_, gene) => {
    if (!wanted(gene)) return Number.NaN;
    both.set(ofTreated(gene));
    both.set(ofControl(gene), n);
    return test(both, n, m);
  });
}
