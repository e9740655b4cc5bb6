import { statSync } from "node:fs";
import { Dataset, type File, Group } from "h5wasm/node";
import type { Metadata } from "h5wasm/node";
import { HaystackError } from "../../errors.ts";
import {
  askedForAnotherFile,
  brokenBy,
  hasBroken,
  library,
  openFile,
  type NumericArray,
} from "./hdf5-library.ts";
import { isGzip, unpackGzip } from "./gzip.ts";
import { checkSignature, SIGNATURE } from "./hdf5-signature.ts";
import type { UnpackFolder } from "./unpack-folder.ts";
import { isZarr } from "./zarr-folder.ts";

export type ElementType = "integer" | "float" | "boolean" | "string" | "compound" | "other";

/** What HDF5's own memory (2 GB at most) has to hold at a time. */
const TEXT_BLOCK = 100_000;
/** Lists of V8 have 134 million places. */
const MOST_TEXTS = 100_000_000;
/** Distinct texts that are kept once however often they occur. */
const SHARED_TEXTS = 10_000;
const NUMBER_BLOCK = 32_000_000;
/** Bytes that may be read whatever the size of the file; beyond them what deflate can do counts. */
const SMALL = 64_000_000;
const LARGEST_RATIO = 1_032;

/**
 * Opens an HDF5 file for reading, also one that is compressed with gzip as a whole, or a zarr folder
 * as the HDF5 file that it would be. The caller closes it.
 * @throws FILE_NOT_FOUND, FILE_NOT_HDF5, FILE_DAMAGED
 */
export async function openHdf5(path: string): Promise<Hdf5File> {
  await library;
  const unpacked = await unpack(path);
  if (unpacked === null) {
    await checkSignature(path);
    return new Hdf5File(path);
  }
  try {
    await checkSignature(unpacked.file, path);
    return new Hdf5File(path, unpacked.file);
  } finally {
    // An open file stays readable without its name, and nothing is left behind if this process dies.
    await unpacked.remove();
  }
}

/** A temporary HDF5 file with what is inside; null for what is no package. */
async function unpack(path: string): Promise<UnpackFolder | null> {
  if (await isGzip(path)) return unpackGzip(path, SIGNATURE);
  if (!isZarr(path)) return null;
  // Its library is loaded only where it is needed.
  const { unpackZarr } = await import("./zarr.ts");
  return unpackZarr(path);
}

/** Texts, whole numbers, floats of 32 and 64 bits, and booleans. */
const isPlain = ({ type, size }: Metadata): boolean =>
  type === 0 || type === 3 || type === 8 || (type === 1 && (size === 4 || size === 8));

interface OpenGroup {
  readonly file: File;
  readonly root: string;
  /** Size of the file. */
  readonly bytes: number;
}

/**
 * An open HDF5 file, read by path ("obs/_index"). A read that HDF5 refuses ends in FILE_DAMAGED or
 * ANNDATA_UNSUPPORTED.
 */
export class Hdf5File {
  readonly path: string;
  readonly #file: File;
  readonly #root: string;
  readonly #bytes: number;

  /** `from` is the file that is read where `path` is only its name, or a group of an open one. */
  constructor(path: string, from: string | OpenGroup = path) {
    this.path = path;
    this.#file = typeof from === "string" ? this.#guard(() => openFile(from, "r")) : from.file;
    this.#root = typeof from === "string" ? "/" : from.root;
    this.#bytes = typeof from === "string" ? statSync(from).size : from.bytes;
  }

  /** The same open file as seen from one of its groups. */
  below(group: string): Hdf5File {
    const root = `${this.#root}${group}/`;
    return new Hdf5File(this.path, { file: this.#file, root, bytes: this.#bytes });
  }

  kind(path: string): "group" | "dataset" | null {
    const entity = this.#guard(() => this.#file.get(`${this.#root}${path}`));
    if (entity instanceof Group) return "group";
    return entity instanceof Dataset ? "dataset" : null;
  }

  keys(path: string): string[] {
    return this.#guard(() => new Group(this.#file.file_id, `${this.#root}${path}`).keys());
  }

  /** A text, a number, an array of these, or undefined when there is no attribute that is one. */
  attribute(path: string, name: string): unknown {
    return this.#guard(() => {
      const found = new Group(this.#file.file_id, `${this.#root}${path}`).attrs[name];
      return found !== undefined && isPlain(found.metadata) ? found.json_value : undefined;
    });
  }

  shape(path: string): number[] {
    return this.#metadata(path).shape ?? [];
  }

  elementType(path: string): ElementType {
    const { type, size, enum_type: members } = this.#metadata(path);
    if (type === 0) return "integer";
    if (type === 1) return size === 4 || size === 8 ? "float" : "other";
    if (type === 3) return "string";
    if (type === 6) return "compound";
    return type === 8 && members?.members["TRUE"] === 1 ? "boolean" : "other";
  }

  /** @throws ANNDATA_UNSUPPORTED, ANNDATA_INVALID where a dataset holds no numbers that can be read */
  checkNumbers(path: string): void {
    const { type, size } = this.#metadata(path);
    if (type === 1 && size !== 4 && size !== 8) {
      throw new HaystackError(
        "ANNDATA_UNSUPPORTED",
        `${path} in ${this.path} contains ${size * 8}-bit floats; convert it with .astype("float32") and write the file again.`,
      );
    }
    if (type !== 0 && type !== 1 && type !== 8) {
      throw new HaystackError(
        "ANNDATA_INVALID",
        `${path} in ${this.path} does not contain numbers; write the file again with a current anndata.`,
      );
    }
  }

  /**
   * Numbers of rows [start, stop) of a dataset of one or two dimensions, flattened; booleans are 0
   * and 1.
   */
  numbers(path: string, start = 0, stop = this.shape(path)[0] ?? 1): NumericArray {
    this.checkNumbers(path);
    const { shape } = this.#metadata(path);
    if (stop <= start) return new Float32Array(0);
    if (shape?.length === 0) {
      this.#checkHolds(path, 1);
      return Float64Array.of(Number(this.#read(path, (dataset) => dataset.value)));
    }
    const slice = (from: number, to: number) =>
      this.#read(path, (dataset) => dataset.slice([[from, to]])) as NumericArray;
    const width = shape?.[1] ?? 1;
    this.#checkHolds(path, (stop - start) * width);
    const step = Math.max(1, Math.floor(NUMBER_BLOCK / Math.max(1, width)));
    const first = slice(start, Math.min(stop, start + step));
    if (start + step >= stop) return first;
    const all = new (first.constructor as new (length: number) => NumericArray)(
      (stop - start) * width,
    );
    all.set(first as never);
    for (let from = start + step; from < stop; from += step)
      all.set(slice(from, Math.min(stop, from + step)) as never, (from - start) * width);
    return all;
  }

  /** Numbers of columns [start, stop) of all rows of a dataset of two dimensions, row by row. */
  columnsOf(path: string, start: number, stop: number): NumericArray {
    this.checkNumbers(path);
    const rows = this.shape(path)[0] ?? 0;
    if (stop <= start || rows === 0) return new Float32Array(0);
    this.#checkHolds(path, rows * (stop - start));
    return this.#read(path, (dataset) =>
      dataset.slice([
        [0, rows],
        [start, stop],
      ]),
    ) as NumericArray;
  }

  /** Texts [from, to) of a dataset of one dimension, all of them unless told; or the one of a scalar. */
  text(path: string, from = 0, to = Infinity): string[] {
    const { type, shape } = this.#metadata(path);
    if (type !== 3)
      throw new HaystackError(
        "ANNDATA_INVALID",
        `${path} in ${this.path} does not contain text; write the file again with a current anndata.`,
      );
    if (shape?.length === 0) {
      this.#checkHolds(path, 1);
      return [this.#read(path, (dataset) => dataset.value) as string];
    }
    const end = Math.min(to, shape?.[0] ?? 0);
    this.#checkHolds(path, end - from);
    if (end - from > MOST_TEXTS)
      throw new HaystackError(
        "ANNDATA_UNSUPPORTED",
        `${path} in ${this.path} holds ${end - from} texts, more than the ${MOST_TEXTS} that can be read; split the file, by donor say, and import the parts.`,
      );
    const texts: string[] = [];
    const shared = new Map<string, string>();
    for (let start = from; start < end; start += TEXT_BLOCK) {
      const stop = Math.min(start + TEXT_BLOCK, end);
      const block = this.#read(path, (dataset) => dataset.slice([[start, stop]])) as string[];
      for (const text of block) {
        const known = shared.get(text);
        if (known === undefined && shared.size < SHARED_TEXTS) shared.set(text, text);
        texts.push(known ?? text);
      }
    }
    return texts;
  }

  /** @throws FILE_DAMAGED for a dataset that declares more than the file can hold */
  checkSize(path: string): void {
    this.#checkHolds(
      path,
      this.shape(path).reduce((product, length) => product * length, 1),
    );
  }

  close(): void {
    if (brokenBy() === null) this.#file.close();
  }

  #metadata(path: string): Metadata {
    const found = this.#guard(
      () => new Dataset(this.#file.file_id, `${this.#root}${path}`).metadata,
    );
    if (found.virtual_sources === undefined) return found;
    throw new HaystackError(
      "ANNDATA_UNSUPPORTED",
      `${path} in ${this.path} refers to other data (a virtual dataset), and those are not read; write the file again with all of its data inside.`,
    );
  }

  #read<Value>(path: string, read: (dataset: Dataset) => Value): Value {
    return this.#guard(() => read(new Dataset(this.#file.file_id, `${this.#root}${path}`)), path);
  }

  /** A file that declares more than its bytes can hold would fill the memory with nothing. */
  #checkHolds(path: string, values: number): void {
    const bytes = values * Math.max(1, this.#metadata(path).size);
    if (bytes <= Math.max(SMALL, this.#bytes * LARGEST_RATIO)) return;
    const message = `${path} in ${this.path} declares ${values} values, more than a file of ${this.#bytes} bytes can hold; copy or download it again.`;
    throw new HaystackError("FILE_DAMAGED", message);
  }

  #elsewhere(what: string, cause?: unknown): HaystackError {
    const message = `${what} in ${this.path} refers to another file, and those are not read; write the file again with all of its data inside.`;
    return new HaystackError("ANNDATA_UNSUPPORTED", message, { cause });
  }

  #guard<Value>(operation: () => Value, what = "part of the structure"): Value {
    const broken = brokenBy();
    if (broken === this.path) throw this.#damaged(what);
    if (broken !== null)
      throw new HaystackError(
        "INTERNAL",
        `${this.path} was not read, as reading another file had broken off; try again.`,
      );
    try {
      const value = operation();
      if (askedForAnotherFile()) throw this.#elsewhere(what);
      return value;
    } catch (thrown) {
      if (thrown instanceof HaystackError) throw thrown;
      if (askedForAnotherFile()) throw this.#elsewhere(what, thrown);
      const trace = thrown instanceof Error ? thrown.message : "";
      if (/required filter .* is not registered/.test(trace)) {
        const message = `${what} in ${this.path} is compressed with a filter that cannot be read; write the file again with gzip or lzf compression.`;
        throw new HaystackError("ANNDATA_UNSUPPORTED", message, { cause: thrown });
      }
      const ofLibrary =
        hasBroken(this.path, thrown) ||
        thrown instanceof RangeError ||
        trace.startsWith("HDF5-DIAG") ||
        trace.startsWith("error - ");
      throw ofLibrary ? this.#damaged(what, thrown) : thrown;
    }
  }

  #damaged(what: string, cause?: unknown): HaystackError {
    const message = `${this.path} is damaged or truncated (reading ${what} failed); copy or download it again.`;
    return new HaystackError("FILE_DAMAGED", message, { cause });
  }
}
