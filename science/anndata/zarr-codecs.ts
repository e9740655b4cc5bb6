import { registry } from "zarrita";
import { unpackBlosc } from "./blosc.ts";

/**
 * zarrita fills up a chunk that decodes to too few values with zeros, and its Blosc takes a damaged
 * chunk for whatever its memory holds. Here both are errors.
 */

type Entry = Awaited<ReturnType<NonNullable<ReturnType<typeof registry.get>>>>;

/** Bytes that a chunk may unpack to. */
const LARGEST_CHUNK = 2 ** 31 - 1;

const isThenable = (value: unknown): value is Promise<unknown> =>
  typeof value === "object" && value !== null && "then" in value;

function checkedLength(chunk: unknown, shape: readonly number[]): unknown {
  const { length } = (chunk as { readonly data: ArrayLike<unknown> }).data;
  const wanted = shape.reduce((product, each) => product * each, 1);
  if (length === wanted) return chunk;
  throw new Error(`a chunk holds ${length} of ${wanted} values`);
}

/** A codec that makes values of bytes, checked. */
function checked(entry: Entry): Entry {
  return {
    ...entry,
    fromConfig(config, meta) {
      const codec = entry.fromConfig(config, meta);
      return new Proxy(codec, {
        get(target, property) {
          const value: unknown = Reflect.get(target, property, target);
          if (property !== "decode")
            return typeof value === "function" ? (value.bind(target) as unknown) : value;
          return (bytes: Uint8Array) => {
            const chunk: unknown = target.decode(bytes);
            return isThenable(chunk)
              ? chunk.then((each) => checkedLength(each, meta.shape))
              : checkedLength(chunk, meta.shape);
          };
        },
      });
    },
  };
}

const blosc: Entry = {
  kind: "bytes_to_bytes",
  fromConfig: () => ({
    kind: "bytes_to_bytes",
    encode: () => {
      throw new Error("Nothing is written to zarr folders.");
    },
    decode: (bytes: Uint8Array) => unpackBlosc(bytes, LARGEST_CHUNK),
  }),
};

/** Makes zarrita refuse chunks that are not whole. */
export function guardCodecs(): void {
  for (const name of ["bytes", "vlen-utf8", "numcodecs.vlen-utf8"]) {
    const load = registry.get(name);
    if (load === undefined) throw new Error(`zarrita has no codec ${name}.`);
    registry.set(name, async () => checked(await load()));
  }
  for (const name of ["blosc", "numcodecs.blosc"]) registry.set(name, async () => blosc);
}
