import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, join } from "node:path";
import { HaystackError } from "../../errors.ts";

/**
 * What a file is that is no .h5ad, and the one line that makes one of it. Nothing is trusted but
 * the first bytes.
 */

const HEAD = 1024;

/** The groups of an open HDF5 file. */
interface Tree {
  readonly path: string;
  kind(path: string): "group" | "dataset" | null;
  keys(path: string): string[];
}

/** Says what a path is that has no HDF5 signature. */
export async function notHdf5(path: string): Promise<HaystackError> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    const head = Buffer.alloc(Math.min(HEAD, size));
    await handle.read(head, 0, head.length, 0);
    const what = describeHead(path, head, size);
    return new HaystackError("FILE_NOT_HDF5", `${path} ${what}.`);
  } finally {
    await handle.close();
  }
}

/** Says what is inside a file compressed with gzip that has no HDF5 signature inside. */
export function notHdf5Inside(path: string, head: Buffer): HaystackError {
  const inside = unpackedName(path);
  const what = /\.(?:rds|rdata)$/i.test(path)
    ? `${path} ${rObject(path)}`
    : head.subarray(257, 262).toString("latin1") === "ustar"
      ? `${path} is a compressed tar archive; unpack it first: tar -xzf ${shell(path)}`
      : `${path} is compressed with gzip; what is inside (${basename(inside)}) ${describeHead(inside, head.subarray(0, HEAD), head.length)}`;
  return new HaystackError("FILE_NOT_HDF5", `${what}.`);
}

/** Says what a folder is. */
export function folderError(path: string): HaystackError {
  const has = (...names: string[]) => names.some((name) => existsSync(join(path, name)));
  const what = has("matrix.mtx", "matrix.mtx.gz")
    ? `is a 10x folder of matrix.mtx; convert it: ${python("scanpy", `scanpy.read_10x_mtx(${quoted(path)})`, path)}, and add the columns of obs`
    : "is a folder; use the .h5ad file in it";
  return new HaystackError("FILE_NOT_HDF5", `${path} ${what}.`);
}

/** Says what an HDF5 file is that has no obs. */
export function notAnnData(file: Tree): HaystackError {
  const { path } = file;
  const is = (name: string) => file.kind(name) !== null;
  const keys = file.keys("");
  let what =
    "is an HDF5 file without obs, so it is not AnnData; use an .h5ad file written by anndata";
  if (is("row_attrs") && is("col_attrs")) {
    what = "is a .loom file without its matrix; copy or download it again";
  } else if (
    keys.some((key) => file.kind(key) === "group" && file.keys(key).includes("barcodes"))
  ) {
    what = "is a 10x .h5 file without parts of its matrix; copy or download it again";
  } else if (is("assays") && is("cell.names")) {
    what = `is an h5Seurat file; convert it in R: SeuratDisk::Convert(${quoted(path)}, dest = "h5ad")`;
  }
  return new HaystackError("ANNDATA_INVALID", `${path} ${what}.`);
}

/** The line that makes .h5ad of a 10x .h5 file, of one of its genomes where it has several. */
export const tenxLine = (path: string, genome?: string): string =>
  python(
    "scanpy",
    `scanpy.read_10x_h5(${quoted(path)}${genome === undefined ? "" : `, genome=${quoted(genome)}`})`,
    path,
  );

/** How many bytes an HDF5 file should have by its superblock; null where that cannot be told. */
export function statedSize(head: Buffer): bigint | null {
  const version = head[8];
  const offset =
    version === 0 ? 40 : version === 1 ? 44 : version === 2 || version === 3 ? 28 : null;
  const sizeOfOffsets = version === 0 || version === 1 ? head[13] : head[9];
  if (offset === null || sizeOfOffsets !== 8 || head.length < offset + 8) return null;
  return head.readBigUInt64LE(offset);
}

function describeHead(path: string, head: Buffer, size: number): string {
  if (size === 0) return "is empty; download or copy it again";
  const text = head.toString("latin1");
  const starts = (...bytes: number[]) => head.subarray(0, bytes.length).equals(Buffer.from(bytes));
  const unpack = (kind: string, command: string) =>
    `is ${kind}; unpack it first: ${command} ${shell(path)}`;
  if (text.startsWith("version https://git-lfs."))
    return `is a git-lfs pointer, not the file itself; fetch it in its repository: git lfs pull --include ${shell(basename(path))}`;
  if (/^\s*(?:<!doctype html|<html|<head|<body)/i.test(text))
    return "is an HTML page, as servers send instead of a file (an error or a login); download it again from a direct link";
  if (/^\s*<(?:\?xml|Error)/i.test(text))
    return "is an XML message, as storage servers send instead of a file (expired link or no access); download it again";
  if (starts(0x1f, 0x8b))
    return "is compressed with gzip a second time; unpack it with gunzip first";
  if (starts(0x50, 0x4b, 0x03, 0x04))
    return /\.npz$/i.test(path)
      ? "is a numpy .npz archive; make an anndata.AnnData of its matrix and write that with write_h5ad"
      : unpack("a zip archive", "unzip");
  if (starts(0x42, 0x5a, 0x68)) return unpack("compressed with bzip2", "bunzip2 -k");
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a)) return unpack("compressed with xz", "unxz -k");
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return unpack("compressed with zstd", "unzstd");
  if (head.subarray(257, 262).toString("latin1") === "ustar")
    return unpack("a tar archive", "tar -xf");
  if (text.startsWith("%%MatrixMarket"))
    return `is a Matrix Market file; convert it: ${python("scanpy", `scanpy.read_mtx(${quoted(path)}).T`, path)}, and add the columns of obs and var`;
  if (text.startsWith("PAR1"))
    return "is a Parquet table; make an anndata.AnnData of it and write that with write_h5ad";
  if (/^(?:RD[AX]\d|X\n|A\n)/.test(text)) return rObject(path);
  if (head.every((byte) => byte === 0))
    return "begins with zeros, as a download that has not finished does; download it again";
  if (/^\s*[[{]/.test(text) && isText(head))
    return "is JSON, perhaps the error message of a server; download the file again";
  if (isText(head))
    return `is text; if it is a table of cells x genes convert it: ${python("anndata", `anndata.io.read_csv(${quoted(path)})`, path)}, and add the columns of obs`;
  return "is not an HDF5 file; use an .h5ad file written by anndata";
}

function rObject(path: string): string {
  return `is an R object; write it from R: zellkonverter::writeH5AD(Seurat::as.SingleCellExperiment(readRDS(${quoted(path)})), ${quoted(h5adName(path))})`;
}

function isText(head: Buffer): boolean {
  return !head.some((byte) => byte < 9 || (byte > 13 && byte < 32));
}

function python(module: string, read: string, path: string): string {
  return `python -c ${shell(`import ${module}; ${read}.write_h5ad(${quoted(h5adName(path))})`)}`;
}

function h5adName(path: string): string {
  return `${path.replace(/\/+$/, "").replace(/\.(?:zarr|h5mu|loom|h5|mtx|csv|tsv|txt|rds|h5seurat)$/i, "")}.h5ad`;
}

function unpackedName(path: string): string {
  const name = path.replace(/\.gz$/i, "");
  return name === path ? `${path}.unpacked` : name;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** As one word of a POSIX shell. */
function shell(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
