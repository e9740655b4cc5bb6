import { open } from "node:fs/promises";

/** https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html#Superblock */
const SIGNATURE = Buffer.from("\x89HDF\r\n\x1a\n", "latin1");
const FIRST_PLACE = 512;

/** The file says itself that it is HDF5, at its beginning or behind a block of its user's. */
export function hasSignature(piece: Uint8Array): boolean {
  const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
  const at = (place: number): boolean =>
    bytes.subarray(place, place + SIGNATURE.length).equals(SIGNATURE);
  if (at(0)) return true;
  for (let place = FIRST_PLACE; place < bytes.length; place *= 2) if (at(place)) return true;
  return false;
}

/** Writes a piece where it belongs; the first makes the file. */
export async function writePiece(path: string, piece: Uint8Array, offset: number): Promise<void> {
  const file = await open(path, offset === 0 ? "w" : "r+", 0o600);
  try {
    // A write may take less than it is given.
    for (let written = 0; written < piece.length;) {
      const left = piece.length - written;
      written += (await file.write(piece, written, left, offset + written)).bytesWritten;
    }
  } finally {
    await file.close();
  }
}

const GB = 1_000_000_000;
export const gigabytes = (bytes: number): string =>
  `${(bytes / GB).toFixed(bytes < GB ? 3 : 1)} GB`;
