import type { Dataset, Group } from "h5wasm/node";
import type { Hdf5Library, NumericArray } from "./hdf5.ts";

/** Values a chunk holds, and values handed to HDF5 in one go. */
const CHUNK = 262_144;
const SLICE = 128 * CHUNK;

/** Writes the parts that AnnData files are made of. */
export class H5Writer {
  readonly #library: Hdf5Library;
  readonly #gzip: number;

  constructor(library: Hdf5Library, gzip: number) {
    this.#library = library;
    this.#gzip = gzip;
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
    compress = false,
    shape: number[] = [data.length],
  ): Dataset {
    const gzip = compress ? this.#gzip : 0;
    if (data.length === 0 || (gzip === 0 && data.length <= SLICE))
      return group.create_dataset({ name, data, shape });
    const dataset = group.create_dataset({
      name,
      data: data.subarray(0, 0),
      shape: [0],
      maxshape: [data.length],
      chunks: [Math.min(CHUNK, data.length)],
      ...(gzip === 0 ? {} : { compression: "gzip" as const, compression_opts: gzip }),
    });
    dataset.resize([data.length]);
    for (let start = 0; start < data.length; start += SLICE) {
      const stop = Math.min(data.length, start + SLICE);
      dataset.write_slice([[start, stop]], data.subarray(start, stop));
    }
    return dataset;
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
