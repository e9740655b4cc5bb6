import { open } from "node:fs/promises";
import type { Hdf5Library } from "./hdf5-library.ts";

type WriteMetadata = Parameters<Hdf5Library["create_dataset"]>[3];

/**
 * Booleans as h5py writes them: an enumeration FALSE = 0, TRUE = 1 over int8. The HDF5 library has
 * no door to that type, so a boolean is written with a stand-in of the same element size, a compound
 * with one member whose name is a marker, and the description of the type is replaced in the closed
 * file (docs/decisions/0023-booleans-in-hdf5.md). This rests on files of the earliest HDF5 format:
 * there headers have no checksums.
 *
 * Formats: HDF5 File Format Specification 3.0, IV.A.2.d, "The Datatype Message".
 */
export const standInType = (marker: string, shape: readonly number[]): WriteMetadata =>
  ({
    type: 6,
    size: 1,
    signed: false,
    vlen: false,
    littleEndian: true,
    cset: 0,
    total_size: shape.reduce((product, length) => product * length, 1),
    shape: shape.map(BigInt),
    maxshape: null,
    chunks: null,
    compression: 0,
    compression_opts: [],
    track_order: false,
    compound_type: {
      nmembers: 1,
      members: [
        {
          name: marker,
          offset: 0,
          type: 0,
          size: 1,
          signed: true,
          vlen: false,
          littleEndian: true,
          cset: 0,
        },
      ],
    },
  }) as unknown as WriteMetadata;

/** Class and version (one byte), bit field (three) and size (four) stand before a compound's members. */
const HEAD = 8;
/** Version 1, class 6. */
const COMPOUND = 0x16;

/** Version 1, class 8, two members, one byte; int8 as its base; names; values. */
const BOOLEAN = Buffer.concat([
  Buffer.from([0x18, 2, 0, 0, 1, 0, 0, 0]),
  Buffer.from([0x10, 0x08, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]),
  Buffer.from("FALSE\0\0\0TRUE\0\0\0\0", "latin1"),
  Buffer.from([0, 1]),
]);

const BLOCK = 1 << 22;

/**
 * Turns the first `count` stand-ins of a closed file into booleans. What is left of the marker is
 * overwritten, so that it may be random and equal contents still give equal bytes.
 */
export async function replaceStandIns(path: string, marker: string, count: number): Promise<void> {
  const name = Buffer.from(`${marker}\0`, "latin1");
  const replacement = Buffer.alloc(HEAD + name.length);
  BOOLEAN.copy(replacement);
  const file = await open(path, "r+");
  try {
    const block = Buffer.alloc(BLOCK + HEAD + name.length);
    let left = count;
    for (let start = 0; left > 0; start += BLOCK) {
      const { bytesRead } = await file.read(block, 0, block.length, start);
      if (bytesRead === 0) throw new Error(`${left} of ${count} booleans are not in ${path}.`);
      const read = block.subarray(0, bytesRead);
      for (let at = read.indexOf(name); at >= HEAD; at = read.indexOf(name, at + 1)) {
        if (at >= BLOCK + HEAD) break;
        if (read[at - HEAD] !== COMPOUND)
          throw new Error(`A boolean in ${path} is not described in HDF5's earliest format.`);
        await file.write(replacement, 0, replacement.length, start + at - HEAD);
        left -= 1;
      }
    }
  } finally {
    await file.close();
  }
}
