import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { File, type Module, ready } from "h5wasm/node";
import { ownFile } from "../../own-files.ts";
import { lastWork } from "../../last-work.ts";

export type Hdf5Library = typeof Module;

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

const FILTER_FOLDERS = [
  join(dirname(createRequire(import.meta.url).resolve("h5wasm-plugins")), "plugins"),
  ownFile("science/anndata/lzf-filter"),
];
/** Of the file format: what is written can be read by HDF5 1.8. */
const OLDEST: ["earliest", "latest"] = ["earliest", "latest"];
/** EACCES and the flags of open(2) as this library numbers them. */
const ACCESS_DENIED = 2;
const CREATE_NEW = 0o100 | 0o200;
const DIRECTORY = 0o200000;

/** A folder of filters, or a file that lies in one: never a way through it to somewhere else. */
const isFilter = (path: string): boolean =>
  path === resolve(path) &&
  FILTER_FOLDERS.some((folder) => path === folder || dirname(path) === folder);
/** The library prints its errors to a temporary file, from which they are read. */
const isNew = (flags: number): boolean => (flags & CREATE_NEW) === CREATE_NEW;

/** The file that is being opened; HDF5 gets no other, whatever a file says of external data. */
let admitted: string | null = null;
let wasRefused = false;
let broken: string | null = null;

/**
 * The HDF5 library: failures throw instead of printing, and the filters lzf (ours), zstd, blosc,
 * lz4 and bzip2 are found. Memory comes zeroed: after a failed read h5wasm frees the texts whose
 * addresses it finds there, and what lay there before would stop the library. It opens the files
 * that it is told to and its filters: an external link, external storage or a virtual dataset would
 * otherwise read any file of this machine. A library that has stopped in the middle of its work
 * takes whole files for damaged ones, so it is not used again.
 */
export const library: Promise<typeof Module> = ready.then((module) => {
  module.activate_throwing_error_handler();
  for (const folder of FILTER_FOLDERS) module.insert_plugin_search_path(folder, 0);
  const allocate = module._malloc;
  module._malloc = (size) => {
    const at = allocate(size);
    if (at !== 0) module.HEAPU8.fill(0, at, at + size);
    return at;
  };
  const files = module.FS as unknown as FileSystem;
  const open = files.open.bind(files);
  files.open = (path, flags, ...rest) => {
    if (path === admitted || isFilter(path) || isNew(flags)) return open(path, flags, ...rest);
    if ((flags & DIRECTORY) === 0) wasRefused = true;
    throw new files.ErrnoError(ACCESS_DENIED);
  };
  return module;
});

interface FileSystem {
  open(path: string, flags: number, ...rest: unknown[]): unknown;
  readonly ErrnoError: new (errno: number) => Error;
}

/** What WebAssembly says when a program in it ends in the middle: nothing in it holds any more. */
const isTrap = (thrown: unknown): boolean =>
  thrown instanceof Error &&
  (thrown.name === "RuntimeError" ||
    (thrown instanceof RangeError && thrown.message.includes("call stack")));

/**
 * Whether reading `path` has just left the library unusable by what it threw; this process is then
 * given no more work.
 */
export function hasBroken(path: string, thrown: unknown): boolean {
  if (!isTrap(thrown)) return false;
  broken ??= path;
  lastWork();
  return true;
}

/** The file at which the library broke off, if it has. */
export const brokenBy = (): string | null => broken;

/** Opens a file; the library must be ready. */
export function openFile(path: string, mode: "r" | "w"): File {
  // The library makes relative paths absolute before it opens them.
  admitted = resolve(path);
  try {
    return mode === "r" ? new File(admitted, mode) : new File(admitted, mode, { libver: OLDEST });
  } finally {
    admitted = null;
  }
}

/** Whether the library has asked for another file since this was last asked. */
export function askedForAnotherFile(): boolean {
  const asked = wasRefused;
  wasRefused = false;
  return asked;
}
