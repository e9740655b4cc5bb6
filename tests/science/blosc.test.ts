import { expect, it } from "vitest";
import { BloscUnsupported, unpackBlosc } from "../../science/anndata/blosc.ts";
import { describeWithPython, runPython } from "../support/python.ts";

const MOST = 2 ** 31;

/** Chunks of many kinds, as numcodecs writes them. */
const CHUNKS = `
import base64, json
import numpy as np
from numcodecs import Blosc
rng = np.random.default_rng(1)
arrays = [
    rng.poisson(1, 50_000).astype("float32"), np.sort(rng.integers(0, 30_000, 70_001)).astype("int32"),
    np.arange(9).astype("int64"), rng.integers(0, 255, 3_000).astype("uint8"), np.zeros(200_000),
    rng.normal(size=1_003), np.zeros(0, "float32"), np.frombuffer(b"abc" * 1_000, "S3"),
]
out = []
for name in ("lz4", "lz4hc", "zlib", "zstd", "blosclz"):
    for shuffle in (0, 1, 2):
        for block in (0, 4_096):
            for array in arrays:
                packed = Blosc(cname=name, clevel=5, shuffle=shuffle, blocksize=block).encode(array)
                out.append([name, shuffle, base64.b64encode(packed).decode(), base64.b64encode(array.tobytes()).decode()])
print(json.dumps(out))
`;

describeWithPython("chunks of Blosc", () => {
  it("are unpacked as Blosc packed them, or refused; damaged ones are never taken for others", async () => {
    const chunks = await runPython<[string, number, string, string][]>(CHUNKS);
    let read = 0;
    for (const [name, shuffle, packed, bytes] of chunks) {
      const chunk = new Uint8Array(Buffer.from(packed, "base64"));
      const isCopied = (chunk[2]! & 2) !== 0;
      if (!isCopied && (name === "blosclz" || (chunk[2]! & 4) !== 0)) {
        expect(() => unpackBlosc(chunk, MOST)).toThrow(BloscUnsupported);
        continue;
      }
      expect(
        Buffer.from(unpackBlosc(chunk, MOST)).equals(Buffer.from(bytes, "base64")),
        `${name} ${shuffle}`,
      ).toBe(true);
      read += 1;
      expect(() => unpackBlosc(chunk.subarray(0, chunk.length - 1), MOST)).toThrow(/cut short/);
      if (isCopied) continue;
      const rubbish = chunk.slice().fill(0x55, 20);
      expect(() => unpackBlosc(rubbish, MOST)).toThrow(/damaged|invalid|header|buffer|unknown/i);
    }
    expect(read).toBeGreaterThan(100);
  });
});

it("a chunk that unpacks to more than it may is refused before it is unpacked", () => {
  const chunk = Uint8Array.of(
    2,
    1,
    33,
    4,
    255,
    255,
    255,
    127,
    0,
    16,
    0,
    0,
    20,
    0,
    0,
    0,
    20,
    0,
    0,
    0,
  );
  expect(() => unpackBlosc(chunk, 1_000)).toThrow(/damaged/);
});
