import { open as openPath, type FileHandle } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Dataset, File, Group, ready } from "h5wasm/node";
import type { Metadata, Module } from "h5wasm/node";
import { HaystackError } from "../../errors.ts";
import { ownFile } from "../../own-files.ts";
import { folderError, notHdf5, statedSize } from "./what-file.ts";

export type NumericArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

export type ElementType = "integer" | "float" | "boolean" | "string" | "compound" | "other";

/** What HDF5's own memory (2 GB at most) has to hold at a time. */
const TEXT_BLOCK = 1_000_000;
const NUMBER_BLOCK = 32_000_000;
const SUPERBLOCK = 96;
const SIGNATURE = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * The HDF5 library: failures throw instead of printing, and the filters lzf (ours), zstd, blosc,
 * lz4 and bzip2 are found. Memory comes zeroed: after a failed read h5wasm frees the texts whose
 * addresses it finds there, and what lay there before would stop the library.
 */
const library: Promise<Hdf5Library> = ready.then((module) => {
  module.activate_throwing_error_handler();
  const plugins = createRequire(import.meta.url).resolve("h5wasm-plugins");
  module.insert_plugin_search_path(join(dirname(plugins), "plugins"), 0);
  module.insert_plugin_search_path(ownFile("science/anndata/lzf-filter"), 0);
  const allocate = module._malloc;
  module._malloc = (size) => {
    const at = allocate(size);
    if (at !== 0) module.HEAPU8.fill(0, at, at + size);
    return at;
  };
  return module;
});

/**
 * Opens an HDF5 file for reading. The caller closes it.
 * @throws FILE_NOT_FOUND, FILE_NOT_HDF5, FILE_DAMAGED
 */
export async function openHdf5(path: string): Promise<Hdf5File> {
  await checkSignature(path);
  await library;
  return new Hdf5File(path);
}

/**
 * Creates an HDF5 file and fills it. The same calls give the same bytes: HDF5's own timestamps are
 * pinned to zero.
 */
export async function createHdf5(
  path: string,
  fill: (root: Group, library: Hdf5Library) => void,
): Promise<void> {
  const module = await library;
  const { now } = Date;
  Date.now = () => 0;
  try {
    const file = new File(path, "w", { libver: ["earliest", "latest"] });
    try {
      fill(file, module);
    } finally {
      file.close();
    }
  } finally {
    Date.now = now;
  }
}

export type Hdf5Library = typeof Module;

/**
 * An open HDF5 file, read by path ("obs/_index"). A read that HDF5 refuses ends in FILE_DAMAGED or
 * ANNDATA_UNSUPPORTED.
 */
export class Hdf5File {
  readonly path: string;
  readonly #file: File;

  constructor(path: string) {
    this.path = path;
    this.#file = this.#guard(() => new File(path, "r"));
  }

  kind(path: string): "group" | "dataset" | null {
    const entity = this.#guard(() => this.#file.get(path));
    if (entity instanceof Group) return "group";
    return entity instanceof Dataset ? "dataset" : null;
  }

  keys(path: string): string[] {
    return this.#guard(() => new Group(this.#file.file_id, `/${path}`).keys());
  }

  /** A text, a number, an array of these, or undefined when there is no such attribute. */
  attribute(path: string, name: string): unknown {
    return this.#guard(() => new Group(this.#file.file_id, `/${path}`).attrs[name]?.json_value);
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
    if (shape?.length === 0)
      return Float64Array.of(Number(this.#read(path, (dataset) => dataset.value)));
    const slice = (from: number, to: number) =>
      this.#read(path, (dataset) => dataset.slice([[from, to]])) as NumericArray;
    const width = shape?.[1] ?? 1;
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

  /** Every text of a dataset of one dimension or none. */
  text(path: string): string[] {
    const { type, shape } = this.#metadata(path);
    if (type !== 3)
      throw new HaystackError(
        "ANNDATA_INVALID",
        `${path} in ${this.path} does not contain text; write the file again with a current anndata.`,
      );
    if (shape?.length === 0) return [this.#read(path, (dataset) => dataset.value) as string];
    const total = shape?.[0] ?? 0;
    const texts: string[] = [];
    for (let start = 0; start < total; start += TEXT_BLOCK) {
      const stop = Math.min(start + TEXT_BLOCK, total);
      const block = this.#read(path, (dataset) => dataset.slice([[start, stop]])) as string[];
      for (const text of block) texts.push(text);
    }
    return texts;
  }

  close(): void {
    this.#file.close();
  }

  #metadata(path: string): Metadata {
    return this.#guard(() => new Dataset(this.#file.file_id, `/${path}`).metadata);
  }

  #read<Value>(path: string, read: (dataset: Dataset) => Value): Value {
    return this.#guard(() => read(new Dataset(this.#file.file_id, `/${path}`)), path);
  }

  #guard<Value>(operation: () => Value, what = "its structure"): Value {
    try {
      return operation();
    } catch (thrown) {
      const trace = thrown instanceof Error ? thrown.message : "";
      if (/required filter .* is not registered/.test(trace)) {
        const message = `${what} in ${this.path} is compressed with a filter that cannot be read; write the file again with gzip or lzf compression.`;
        throw new HaystackError("ANNDATA_UNSUPPORTED", message, { cause: thrown });
      }
      const ofLibrary =
        trace.startsWith("HDF5-DIAG") ||
        trace.startsWith("error - ") ||
        (thrown instanceof Error && thrown.name === "RuntimeError");
      if (!ofLibrary) throw thrown;
      const message = `${this.path} is damaged or truncated (reading ${what} failed); copy or download it again.`;
      throw new HaystackError("FILE_DAMAGED", message, { cause: thrown });
    }
  }
}

async function checkSignature(path: string): Promise<void> {
  const missing = (cause: unknown) =>
    new HaystackError(
      "FILE_NOT_FOUND",
      `${path} cannot be opened; check that the path is right and the file readable.`,
      { cause },
    );
  const handle = await openPath(path, "r").catch((cause: unknown) =>
    Promise.reject(missing(cause)),
  );
  try {
    const stat = await handle.stat();
    if (stat.isDirectory()) throw folderError(path);
    const { size } = stat;
    const found = Buffer.alloc(SIGNATURE.length);
    for (let offset = 0; offset + found.length <= size; offset = offset === 0 ? 512 : offset * 2) {
      await handle.read(found, 0, found.length, offset);
      if (!found.equals(SIGNATURE)) continue;
      if (offset === 0) await checkSize(path, handle, size);
      return;
    }
  } catch (cause) {
    throw cause instanceof HaystackError ? cause : missing(cause);
  } finally {
    await handle.close();
  }
  throw await notHdf5(path);
}

async function checkSize(path: string, handle: FileHandle, size: number): Promise<void> {
  const head = Buffer.alloc(SUPERBLOCK);
  await handle.read(head, 0, head.length, 0);
  const stated = statedSize(head);
  if (stated === null || stated <= BigInt(size)) return;
  throw new HaystackError(
    "FILE_DAMAGED",
    `${path} is cut short: it has ${size} of ${stated} bytes, as after a partial download; copy or download it again.`,
  );
}
