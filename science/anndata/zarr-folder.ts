import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { join, sep } from "node:path";
import { HaystackError } from "../../errors.ts";

/** Attribute of a group that stands in the copy for what could not be read: why. */
export const UNREADABLE = "haystack-unreadable";
/** Attribute of an array of the copy of which chunks were not there: how many of how many. */
export const NOT_STORED = "haystack-not-stored";
/** Files of one node that say what it is; in a folder of a later version one file does. */
const METADATA = [".zarray", ".zgroup", "zarr.json"];

/** Bytes of a file that describes a node, and of one that holds values. */
const LARGEST_METADATA = 16_000_000;
const LARGEST_CHUNK = 2 ** 31 - 1;

const isMetadata = (key: string): boolean => key.endsWith(".json") || /\/\.z[a-z]+$/.test(key);

/** Whether a folder is a zarr hierarchy. */
export const isZarr = (path: string): boolean =>
  [".zgroup", ".zattrs", ".zmetadata", "zarr.json"].some(
    (name) => statSync(join(path, name), { throwIfNoEntry: false })?.isFile() === true,
  );

/** The files of a folder and of those in it, sorted; links are left out. */
export const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted();

/**
 * A folder as a store of zarrita. It notes the chunks that were asked for and are not there: zarr
 * reads those as zeros, whether they were never written or got lost. Links that lead out of the
 * folder are refused.
 */
export class ZarrFolder {
  readonly path: string;
  readonly #root: string;
  readonly #missing = new Set<string>();
  readonly #asked = new Set<string>();

  constructor(path: string) {
    this.path = path;
    this.#root = realpathSync(path);
  }

  /** Chunks that were asked for since this was last called, and those of them that were not there. */
  takeChunks(): { readonly asked: number; readonly missing: number } {
    const taken = { asked: this.#asked.size, missing: this.#missing.size };
    this.#asked.clear();
    this.#missing.clear();
    return taken;
  }

  get(key: string): Uint8Array | undefined {
    const found = this.#file(key);
    if (found === null) return this.#absent(key);
    const { size } = statSync(found);
    if (size > (isMetadata(key) ? LARGEST_METADATA : LARGEST_CHUNK))
      throw new HaystackError(
        "FILE_DAMAGED",
        `${key.slice(1)} in ${this.path} has ${size} bytes, more than a part of a zarr folder may have; copy the folder again.`,
      );
    // zarrita reads from the beginning of the memory under an array: it must be the array's own.
    return new Uint8Array(readFileSync(found));
  }

  /** A part of a file, for chunks that lie together in one. */
  getRange(
    key: string,
    range: { readonly offset: number; readonly length: number } | { readonly suffixLength: number },
  ): Uint8Array | undefined {
    const found = this.#file(key);
    if (found === null) return this.#absent(key);
    const { size } = statSync(found);
    const start = "offset" in range ? range.offset : Math.max(0, size - range.suffixLength);
    const stop = Math.min(size, "offset" in range ? start + range.length : size);
    const bytes = new Uint8Array(Math.max(0, stop - start));
    const file = openSync(found, "r");
    try {
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, start));
    } finally {
      closeSync(file);
    }
  }

  #absent(key: string): undefined {
    if (!isMetadata(key)) this.#missing.add(key);
  }

  /** Names of the groups and arrays of a group, sorted. */
  children(group: string): string[] {
    return readdirSync(join(this.#root, group), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && this.#isNode(`${group}/${entry.name}`))
      .map(({ name }) => name)
      .toSorted();
  }

  /** Bytes of all files. */
  size(): number {
    return filesBelow(this.#root).reduce((total, file) => total + statSync(file).size, 0);
  }

  #isNode(node: string): boolean {
    return METADATA.some((name) => this.#inside(`/${node}/${name}`) !== null);
  }

  /** Where a key is, if it is a file: a pipe would be waited for. */
  #file(key: string): string | null {
    if (!isMetadata(key)) this.#asked.add(key);
    const found = this.#inside(key);
    return found !== null && statSync(found).isFile() ? found : null;
  }

  #inside(key: string): string | null {
    let found: string;
    try {
      found = realpathSync(join(this.#root, key));
    } catch {
      return null;
    }
    if (found.startsWith(this.#root + sep)) return found;
    throw new HaystackError(
      "ANNDATA_UNSUPPORTED",
      `${key.slice(1)} in ${this.path} is a link to another place, and those are not read; copy the folder with its contents.`,
    );
  }
}
