import type { Dataset, Group } from "h5wasm/node";
import { get, slice, type Array as ZarrArray, type DataType } from "zarrita";
import { HaystackError } from "../../errors.ts";
import type { NumericArray } from "./hdf5-library.ts";
import type { H5Writer } from "./hdf5-writer.ts";
import { NOT_STORED, type ZarrFolder } from "./zarr-folder.ts";

/** Values that are read at a time, and that one chunk may hold. */
const BLOCK = 8_000_000;
const LARGEST_CHUNK = 128_000_000;
/** Bytes that may be written whatever the size of the folder; beyond them what compression can do. */
const SMALL = 64_000_000;
const LARGEST_RATIO = 1_032;
/** Values of a chunk of the copy. */
const CHUNK = 262_144;

/** What one array is copied from and to. */
export interface ArrayCopy {
  readonly folder: ZarrFolder;
  readonly writer: H5Writer;
  /** Of all files of the folder. */
  readonly bytes: number;
  readonly path: string;
  readonly parent: Group;
  readonly name: string;
}

/**
 * Copies an array of at most two dimensions: numbers block by block, half floats as floats of 32
 * bits; labels and booleans as a whole.
 * @throws FILE_DAMAGED where chunks are gone, or where it declares more than the folder can hold;
 * what zarrita throws
 */
export async function copyArray(copy: ArrayCopy, array: ZarrArray<DataType>): Promise<void> {
  const { writer, folder, path, parent, name } = copy;
  checkSize(copy, array);
  if (array.shape.length === 0) return writeScalar(copy, await get(array));
  let write: ((values: NumericArray) => void) | null = null;
  const labels: (string | boolean)[] = [];
  folder.takeChunks();
  const all = { asked: 0, missing: 0 };
  for await (const values of blocksOf(array)) {
    const { asked, missing } = folder.takeChunks();
    all.asked += asked;
    all.missing += missing;
    if (missing > 0 && mustBeWhole(path, parent)) throw incomplete(copy);
    if (isNumbers(values)) {
      write ??= numbersOf(copy, array.shape, values.subarray(0, 0));
      write(values);
    } else for (const value of values) labels.push(labelOf(value));
  }
  if (write !== null) {
    if (all.missing > 0)
      (parent.get(name) as Dataset).create_attribute(NOT_STORED, `${all.missing} of ${all.asked}`);
    return;
  }
  if (array.is("boolean")) writer.booleans(parent, name, labels as boolean[]);
  else if (array.is("string") || array.is("object")) writer.texts(parent, name, labels as string[]);
  else writer.array(parent, name, new Float32Array(0), { shape: [...array.shape] });
}

/** The values in row order, some rows at a time. */
async function* blocksOf(
  array: ZarrArray<DataType>,
): AsyncGenerator<NumericArray | Iterable<unknown>> {
  const [rows = 0, width = 1] = array.shape;
  const ofChunk = array.chunks[0] ?? 1;
  const step = Math.max(1, Math.floor(BLOCK / Math.max(1, width) / ofChunk)) * ofChunk;
  for (let start = 0; start < rows && width > 0; start += step) {
    const stop = Math.min(rows, start + step);
    const found = await get(array, [slice(start, stop), ...array.shape.slice(1).map(() => null)]);
    const data = found.data as unknown as NumericArray | Iterable<unknown>;
    const values = data instanceof Float16Array ? Float32Array.from(data) : data;
    yield isNumbers(values) && found.stride[1] !== undefined && found.stride[1] !== 1
      ? inRowOrder(values, stop - start, width)
      : values;
  }
}

const isNumbers = (values: NumericArray | Iterable<unknown>): values is NumericArray =>
  ArrayBuffer.isView(values);

/** Arrays of order "F" come column by column. */
function inRowOrder(values: NumericArray, rows: number, width: number): NumericArray {
  const turned = values.slice();
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < width; column += 1)
      turned[row * width + column] = values[column * rows + row] as never;
  return turned;
}

/** A dataset that takes blocks of rows one after another. */
function numbersOf(
  { writer, parent, name }: ArrayCopy,
  shape: readonly number[],
  empty: NumericArray,
): (values: NumericArray) => void {
  const [, ...width] = shape;
  const perRow = width[0] ?? 1;
  const chunk = [Math.max(1, Math.floor(CHUNK / perRow)), ...width];
  const dataset = writer.room(parent, name, empty, { shape, chunk, gzip: 0 });
  let row = 0;
  return (values) => {
    const next = row + values.length / perRow;
    dataset.write_slice(
      [[row, next], ...width.map((length): [number, number] => [0, length])],
      values,
    );
    row = next;
  };
}

function writeScalar({ writer, parent, name }: ArrayCopy, value: unknown): void {
  if (typeof value === "boolean") writer.booleans(parent, name, [value], []);
  else if (typeof value === "number" || typeof value === "bigint")
    writer.array(parent, name, Float64Array.of(Number(value)), { shape: [] });
  else writer.text(parent, name, typeof value === "string" ? value : "");
}

function labelOf(value: unknown): string | boolean {
  if (typeof value === "boolean" || typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  throw new Error("it holds objects other than text");
}

/**
 * Chunks of one value are not written, so one that is not there says nothing; but no chunk of a
 * sparse matrix is all zeros (unless as many cells have no counts), nor have cells, genes and
 * categories no names.
 */
function mustBeWhole(path: string, parent: Group): boolean {
  const encoding = parent.attrs["encoding-type"]?.value;
  const name = path.split("/").at(-1);
  if (encoding === "csr_matrix" || encoding === "csc_matrix")
    return name === "data" || name === "indices" || name === "indptr";
  return name === "categories" || name === parent.attrs["_index"]?.value;
}

const incomplete = ({ folder, path }: ArrayCopy): HaystackError =>
  new HaystackError(
    "FILE_DAMAGED",
    `${folder.path} is not complete: parts of ${path.slice(1)} are not there, as after a partial download; copy or download it again.`,
  );

function checkSize({ folder, path, bytes }: ArrayCopy, array: ZarrArray<DataType>): void {
  if (array.shape.length > 2) throw new Error(`it has ${array.shape.length} dimensions`);
  const product = (lengths: readonly number[]) =>
    lengths.reduce((total, length) => total * length, 1);
  const most = Math.max(SMALL, bytes * LARGEST_RATIO);
  if (product(array.shape) * 4 <= most && product(array.chunks) <= LARGEST_CHUNK) return;
  throw new HaystackError(
    "FILE_DAMAGED",
    `${path.slice(1)} in ${folder.path} declares ${product(array.shape)} values in chunks of ${product(array.chunks)}, more than a folder of ${bytes} bytes can hold or memory can take; copy it again, or write it with smaller chunks.`,
  );
}
