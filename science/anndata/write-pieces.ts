import type { Group } from "h5wasm/node";
import type { CsrPieces } from "./anndata.ts";
import type { H5Writer } from "./hdf5-writer.ts";

/** Values of a chunk: few, so that reading some rows reads little else. */
const CHUNK = 32_768;
const VALUES = { 1: Uint8Array, 2: Uint16Array, 4: Float32Array } as const;

/** Writes a csr_matrix piece by piece, with indices and values as narrow as they may be. */
export function writeCsrPieces(
  writer: H5Writer,
  parent: Group,
  name: string,
  { nRows, nCols, nStored, valueBytes, pieces }: CsrPieces,
): void {
  const group = writer.group(parent, name, "csr_matrix", "0.1.0");
  group.create_attribute("shape", BigInt64Array.of(BigInt(nRows), BigInt(nCols)));
  const Values = VALUES[valueBytes];
  const Indices = nCols <= 0x1_0000 ? Uint16Array : Int32Array;
  const room = { shape: [nStored], chunk: [CHUNK], gzip: 0 };
  const data = writer.room(group, "data", new Values(0), room);
  const indices = writer.room(group, "indices", new Indices(0), room);
  const ends = new Float64Array(nRows + 1);
  let row = 0;
  let at = 0;
  for (const piece of pieces) {
    const next = at + piece.data.length;
    if (next > at) {
      data.write_slice([[at, next]], new Values(piece.data));
      indices.write_slice([[at, next]], new Indices(piece.indices));
    }
    for (let i = 1; i <= piece.nRows; i += 1) ends[row + i] = at + (piece.indptr[i] as number);
    row += piece.nRows;
    at = next;
  }
  for (const part of at < nStored ? [data, indices] : []) part.resize([at]);
  writer.array(group, "indptr", nStored < 2 ** 31 ? Int32Array.from(ends) : wide(ends));
}

const wide = (values: Float64Array): BigInt64Array => BigInt64Array.from(values, BigInt);
