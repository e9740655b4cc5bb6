import { randomUUID } from "node:crypto";
import type { Group } from "h5wasm/node";
import { isZarritaError, open, root } from "zarrita";
import { HaystackError } from "../../errors.ts";
import { replaceStandIns } from "./boolean-type.ts";
import { library, openFile } from "./hdf5-library.ts";
import { H5Writer } from "./hdf5-writer.ts";
import { newUnpackFolder, type UnpackFolder } from "./unpack-folder.ts";
import { copyArray } from "./zarr-array.ts";
import { BloscUnsupported } from "./blosc.ts";
import { guardCodecs } from "./zarr-codecs.ts";
import { UNREADABLE, ZarrFolder } from "./zarr-folder.ts";

/**
 * AnnData and MuData in zarr folders (versions 2 and 3) are copied to a temporary HDF5 file of the
 * same structure, and read there as any other: one reader, one set of rules. What cannot be read
 * becomes a group that says why, so that it stops only who needs it. Embeddings and graphs, which
 * nothing here needs, are left out.
 */

guardCodecs();

const DEEPEST = 8;
const NEEDLESS = new Set(["obsm", "obsp", "varm", "varp", "obsmap", "varmap"]);

interface Copying {
  readonly folder: ZarrFolder;
  readonly writer: H5Writer;
  readonly bytes: number;
}

/** A node of the hierarchy: where it is there, and the group of the copy that it belongs to. */
interface Place {
  readonly path: string;
  readonly parent: Group;
  readonly name: string;
}

/**
 * Copies a zarr folder to a temporary HDF5 file, which the caller removes.
 * @throws FILE_DAMAGED when it is no hierarchy that can be read
 */
export async function unpackZarr(path: string): Promise<UnpackFolder> {
  await library;
  const folder = new ZarrFolder(path);
  const unpacked = await newUnpackFolder();
  const { file } = unpacked;
  try {
    const marker = `boolean-${randomUUID()}`;
    const target = openFile(file, "w");
    const module = await library;
    const writer = new H5Writer(module, 0, marker);
    try {
      await copyMembers({ folder, writer, bytes: folder.size() }, "", target, 0);
    } finally {
      target.close();
    }
    await replaceStandIns(file, marker, writer.booleanCount);
    return unpacked;
  } catch (thrown) {
    await unpacked.remove();
    if (thrown instanceof HaystackError) throw thrown;
    throw new HaystackError(
      "FILE_DAMAGED",
      `${path} is a zarr folder that cannot be read (${why(thrown)}); copy or download it again.`,
      { cause: thrown },
    );
  }
}

async function copyMembers(
  copying: Copying,
  path: string,
  target: Group,
  depth: number,
): Promise<void> {
  const { attrs } = await open(root(copying.folder).resolve(path === "" ? "/" : path), {
    kind: "group",
  });
  writeAttributes(target, attrs, copying.writer);
  if (depth > DEEPEST) return;
  for (const name of copying.folder.children(path)) {
    if (NEEDLESS.has(name) && depth !== 1) continue;
    await copyNode(copying, { path: `${path}/${name}`, parent: target, name }, depth + 1);
  }
}

async function copyNode(copying: Copying, place: Place, depth: number): Promise<void> {
  const { path, parent, name } = place;
  let node;
  try {
    node = await open(root(copying.folder).resolve(path));
    if (node.kind === "array") await copyArray({ ...copying, ...place }, node);
  } catch (thrown) {
    // Once a part of it was copied it cannot be taken back, and half an array is no array.
    const isDamaged =
      thrown instanceof HaystackError ||
      (isZarritaError(thrown, "CodecPipelineError") && !(thrown.cause instanceof BloscUnsupported));
    if (isDamaged || parent.keys().includes(name)) throw thrown;
    parent.create_group(name).create_attribute(UNREADABLE, why(thrown));
    return;
  }
  if (node.kind === "array") writeAttributes(parent.get(name) as Group, node.attrs, copying.writer);
  else await copyMembers(copying, path, parent.create_group(name), depth);
}

/** Texts, numbers, booleans and lists of texts or numbers; others say nothing to AnnData. */
function writeAttributes(
  target: Group,
  attributes: Readonly<Record<string, unknown>>,
  writer: H5Writer,
): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "string") target.create_attribute(name, value);
    else if (typeof value === "boolean") writer.booleanAttribute(target, name, value);
    else if (typeof value === "number") target.create_attribute(name, value);
    else if (!Array.isArray(value)) continue;
    else if (value.every((each) => typeof each === "string"))
      writer.textAttribute(target, name, value);
    else if (value.every((each) => typeof each === "number"))
      target.create_attribute(name, Float64Array.from(value));
  }
}

const messageOf = ({ cause, message }: Error): string =>
  cause instanceof Error ? cause.message : message;

const why = (thrown: unknown): string =>
  (thrown instanceof Error ? messageOf(thrown) : String(thrown)).split("\n")[0]!.slice(0, 200);
