import type { AnnData, CsrMatrix } from "../../science/anndata/anndata.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { simulateAtlas } from "../../science/simulate/simulate-atlas.ts";

export const GENES = 18_000;
/** Cells that are simulated at a time. */
const PART = 20_000;

/**
 * Writes a simulated atlas of any size in one file, simulated part by part: memory holds one. A part
 * has cells of every group, so that groups lie scattered over the file. Sizes above one part are
 * rounded to whole parts. Returns the stored values.
 */
export async function writeSource(path: string, nCells: number): Promise<number> {
  const size = Math.min(nCells, PART);
  const parts = Math.max(1, Math.round(nCells / PART));
  const simulated = (part: number): AnnData =>
    simulateAtlas({ seed: 1, nGenes: GENES, nCells: size, part });
  const first = simulated(0);
  let stored = 0;
  function* pieces(): Generator<CsrMatrix> {
    for (let part = 0; part < parts; part += 1) {
      const { X } = part === 0 ? first : simulated(part);
      stored += X.data.length;
      yield X;
    }
  }
  const everyPart = Array.from({ length: parts }, (_, part) => part);
  await writeH5ad(path, {
    ...first,
    X: {
      nRows: size * parts,
      nCols: GENES,
      // Parts differ by some thousandths.
      nStored: Math.ceil(first.X.data.length * parts * 1.05),
      valueBytes: 4,
      pieces: pieces(),
    },
    obs: {
      index: everyPart.flatMap((part) => first.obs.index.map((name) => `${name}-${part}`)),
      columns: Object.fromEntries(
        Object.entries(first.obs.columns).map(([name, values]) => [
          name,
          everyPart.flatMap(() => values as readonly string[]),
        ]),
      ),
    },
  });
  return stored;
}
