import { inflateSync, zstdDecompressSync } from "node:zlib";

/**
 * Unpacks a chunk of Blosc 1 (https://github.com/Blosc/c-blosc, README_CHUNK_FORMAT.rst) that LZ4,
 * zlib or zstd has compressed. Every length is checked: the build of Blosc that comes with zarrita
 * answers with what lay in its memory where a chunk is damaged.
 */

const HEADER = 16;
const FLAG = { shuffled: 1, copied: 2, bitShuffled: 4, whole: 16 } as const;
/** What Blosc splits into one stream a byte of its values. */
const MOST_SPLITS = 16;
const LEAST_SPLIT = 128;

type Unpack = (packed: Uint8Array, length: number) => Uint8Array;

const UNPACKERS: Readonly<Record<number, Unpack>> = {
  1: unpackLz4,
  3: (packed, maxOutputLength) => inflateSync(packed, { maxOutputLength }),
  4: (packed, maxOutputLength) => zstdDecompressSync(packed, { maxOutputLength }),
};

/** Of a compression or a filter that is not read; not of a damaged chunk. */
export class BloscUnsupported extends Error {}

const damaged = (): Error => new Error("a chunk is damaged");

interface Header {
  readonly flags: number;
  readonly typeSize: number;
  readonly length: number;
  readonly blockSize: number;
  readonly unpack: Unpack;
}

function headerOf(chunk: Uint8Array, view: DataView): Header {
  if (chunk.length < HEADER || view.getUint32(12, true) !== chunk.length)
    throw new Error("a chunk is cut short");
  const [flags, typeSize] = [view.getUint8(2), view.getUint8(3)];
  const unpack = UNPACKERS[flags >> 5];
  if ((flags & FLAG.copied) === 0 && (unpack === undefined || (flags & FLAG.bitShuffled) !== 0))
    throw new BloscUnsupported("it is compressed by Blosc with BloscLZ, Snappy or bit shuffling");
  return {
    flags,
    typeSize: Math.max(1, typeSize),
    length: view.getUint32(4, true),
    blockSize: view.getUint32(8, true),
    unpack: unpack ?? unpackLz4,
  };
}

/** `most`: bytes that the chunk may unpack to. @throws BloscUnsupported; Error where it is damaged */
export function unpackBlosc(chunk: Uint8Array, most: number): Uint8Array {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const header = headerOf(chunk, view);
  const { flags, length, blockSize } = header;
  if (length > most) throw damaged();
  if ((flags & FLAG.copied) !== 0) {
    if (chunk.length !== HEADER + length) throw damaged();
    return chunk.slice(HEADER);
  }
  const result = new Uint8Array(length);
  if (length > 0 && blockSize === 0) throw damaged();
  for (let block = 0, start = 0; start < length; block += 1, start += blockSize) {
    const at = HEADER + block * 4;
    if (at + 4 > chunk.length) throw damaged();
    const size = Math.min(blockSize, length - start);
    const bytes = unpackBlock(chunk, view.getInt32(at, true), size, header);
    result.set((flags & FLAG.shuffled) === 0 ? bytes : unshuffle(bytes, header.typeSize), start);
  }
  return result;
}

function unpackBlock(chunk: Uint8Array, start: number, size: number, header: Header): Uint8Array {
  const { flags, typeSize, blockSize, unpack } = header;
  const isSplit =
    (flags & FLAG.whole) === 0 &&
    size === blockSize &&
    typeSize <= MOST_SPLITS &&
    size / typeSize >= LEAST_SPLIT;
  const streams = isSplit ? typeSize : 1;
  const length = Math.floor(size / streams);
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const block = new Uint8Array(size);
  let at = start;
  for (let stream = 0; stream < streams; stream += 1) {
    if (at < HEADER || at + 4 > chunk.length) throw damaged();
    const packed = view.getInt32(at, true);
    const bytes = chunk.subarray(at + 4, at + 4 + packed);
    if (packed < 0 || bytes.length !== packed) throw damaged();
    const unpacked = packed === length ? bytes : unpack(bytes, length);
    if (unpacked.length !== length) throw damaged();
    block.set(unpacked, stream * length);
    at += 4 + packed;
  }
  return block;
}

/** Puts the bytes of each value together again. */
function unshuffle(bytes: Uint8Array, typeSize: number): Uint8Array {
  if (typeSize === 1) return bytes;
  const values = Math.floor(bytes.length / typeSize);
  const together = bytes.slice();
  for (let byte = 0; byte < typeSize; byte += 1)
    for (let value = 0; value < values; value += 1)
      together[value * typeSize + byte] = bytes[byte * values + value] as number;
  return together;
}

/** https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md */
function unpackLz4(packed: Uint8Array, length: number): Uint8Array {
  const result = new Uint8Array(length);
  let from = 0;
  let to = 0;
  const byte = (): number => {
    const value = packed[from];
    if (value === undefined) throw damaged();
    from += 1;
    return value;
  };
  const longer = (short: number): number => {
    let total = short;
    for (let more = short === 15 ? 255 : 0; more === 255; total += more) more = byte();
    return total;
  };
  while (from < packed.length) {
    const token = byte();
    const literals = longer(token >> 4);
    if (from + literals > packed.length || to + literals > length) throw damaged();
    result.set(packed.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === packed.length) break;
    const offset = byte() + byte() * 256;
    const match = longer(token & 15) + 4;
    if (offset === 0 || offset > to || to + match > length) throw damaged();
    if (offset >= match) result.copyWithin(to, to - offset, to - offset + match);
    else for (let i = 0; i < match; i += 1) result[to + i] = result[to + i - offset] as number;
    to += match;
  }
  if (to !== length) throw damaged();
  return result;
}
