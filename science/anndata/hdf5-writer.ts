import { Group, type Dataset } from "h5wasm/node";
import { standInType } from "./boolean-type.ts";
import type { Hdf5Library, NumericArray } from "./hdf5-library.ts";

/** Values a chunk holds, and values handed to HDF5 in one go. */
const CHUNK = 262_144;
const SLICE = 128 * CHUNK;

interface ArrayOptions {
  readonly compress?: boolean;
  /** That of a vector, if left out. */
  readonly shape?: number[];
}

interface Room {
  readonly shape: readonly number[];
  /** Of the values that lie together on the disk. */
  readonly chunk: readonly number[];
  readonly gzip: number;
}

/** Writes the parts that AnnData files are made of. */
export class H5Writer {
  readonly #library: Hdf5Library;
  readonly #gzip: number;
  readonly #marker: string;
  #booleans = 0;

  /** `marker`: of the stand-ins for booleans, which no text of the file contains. */
  constructor(library: Hdf5Library, gzip: number, marker: string) {
    this.#library = library;
    this.#gzip = gzip;
    this.#marker = marker;
  }

  /** Stand-ins written so far; the closed file is to have them replaced. */
  get booleanCount(): number {
    return this.#booleans;
  }

  encode(entity: Group | Dataset, type: string, version: string): void {
    entity.create_attribute("encoding-type", type);
    entity.create_attribute("encoding-version", version);
  }

  group(parent: Group, name: string, type: string, version: string): Group {
    const group = parent.create_group(name);
    this.encode(group, type, version);
    return group;
  }

  /**
   * Small arrays are one contiguous piece; large or compressed ones are chunked and written in
   * slices.
   */
  array(
    group: Group,
    name: string,
    data: NumericArray,
    { compress = false, shape = [data.length] }: ArrayOptions = {},
  ): Dataset {
    const gzip = compress ? this.#gzip : 0;
    if (data.length === 0 || (gzip === 0 && data.length <= SLICE))
      return group.create_dataset({ name, data, shape });
    const dataset = this.room(group, name, data.subarray(0, 0), {
      shape: [data.length],
      chunk: [CHUNK],
      gzip,
    });
    for (let start = 0; start < data.length; start += SLICE) {
      const stop = Math.min(data.length, start + SLICE);
      dataset.write_slice([[start, stop]], data.subarray(start, stop));
    }
    return dataset;
  }

  /** An array of the type of `empty` and of at least one value, to be filled in slices. */
  room(group: Group, name: string, empty: NumericArray, { shape, chunk, gzip }: Room): Dataset {
    const dataset = group.create_dataset({
      name,
      data: empty,
      shape: [0, ...shape.slice(1)],
      maxshape: [...shape],
      chunks: shape.map((length, axis) => Math.min(chunk[axis] ?? 1, length)),
      ...(gzip === 0 ? {} : { compression: "gzip" as const, compression_opts: gzip }),
    });
    dataset.resize([...shape]);
    return dataset;
  }

  /** Without values an array of no booleans, without a shape a scalar is one value. */
  booleans(group: Group, name: string, values: readonly boolean[], shape = [values.length]): Group {
    this.#withBytes(values, (pointer) =>
      this.#library.create_dataset(
        group.file_id,
        `${group.path}/${name}`,
        pointer,
        standInType(this.#marker, shape),
      ),
    );
    return new Group(group.file_id, `${group.path}/${name}`);
  }

  booleanAttribute(group: Group, name: string, value: boolean): void {
    this.#withBytes([value], (pointer) =>
      this.#library.create_attribute(
        group.file_id,
        group.path,
        name,
        pointer,
        standInType(this.#marker, []),
      ),
    );
  }

  #withBytes(values: readonly boolean[], write: (pointer: bigint) => void): void {
    const pointer = this.#library._malloc(Math.max(1, values.length));
    try {
      this.#library.HEAPU8.set(Uint8Array.from(values, Number), pointer);
      write(BigInt(pointer));
      this.#booleans += 1;
    } finally {
      this.#library._free(pointer);
    }
  }

  text(group: Group, name: string, value: string): Dataset {
    return group.create_dataset({ name, data: [value], dtype: "S", shape: [] });
  }

  texts(group: Group, name: string, values: readonly string[]): Dataset {
    return group.create_dataset({ name, data: [...values], dtype: "S", shape: [values.length] });
  }

  /**
   * HDF5 refuses a null pointer even for no values, which is what h5wasm passes for an empty list
   * of texts.
   */
  textAttribute(group: Group, name: string, values: readonly string[]): void {
    if (values.length > 0) {
      group.create_attribute(name, [...values], [values.length], "S");
      return;
    }
    const pointer = this.#library._malloc(8);
    const vlenText = {
      type: 3,
      size: 4,
      vlen: true,
      signed: false,
      littleEndian: true,
      cset: 1,
      total_size: 0,
      shape: [0n],
      maxshape: [0n],
    };
    this.#library.create_attribute(group.file_id, group.path, name, BigInt(pointer), vlenText);
    this.#library._free(pointer);
  }
}
