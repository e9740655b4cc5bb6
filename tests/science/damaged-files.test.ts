import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { HaystackError } from "../../errors.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { processCompute } from "../../services/compute/processes.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { smallAtlas } from "./anndata-files.ts";
import type * as tasks from "./damaged-reading.ts";

const FILES = 2_000;
const LIMIT_MINUTES = 0.1;

/** What may become of a damaged file: it is refused, or stopped when the library never returns. */
const REFUSALS = [
  "ANNDATA_INVALID",
  "ANNDATA_UNSUPPORTED",
  "COLUMN_NOT_FOUND",
  "COMPUTE_OVER_TIME",
  "FILE_DAMAGED",
  "FILE_NOT_HDF5",
];

/** Changes as disks, downloads and other programs make them, from one bit to a missing half. */
const damage = (size: number): fc.Arbitrary<(bytes: Buffer) => Buffer> => {
  const place = fc.nat(size - 1);
  const over = (at: fc.Arbitrary<number>, what: fc.Arbitrary<Uint8Array>) =>
    fc.tuple(at, what).map(([from, patch]) => (bytes: Buffer) => {
      bytes.set(patch.subarray(0, bytes.length - from), from);
      return bytes;
    });
  const long = fc.constantFrom(2n ** 31n, 2n ** 32n - 1n, 2n ** 40n, 2n ** 62n).map((value) => {
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(value);
    return word;
  });
  return fc.oneof(
    fc.tuple(place, fc.nat(7)).map(([at, bit]) => (bytes: Buffer) => {
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      return bytes;
    }),
    over(place, fc.uint8Array({ minLength: 1, maxLength: 100 })),
    over(
      place,
      fc.constantFrom(1, 2, 4, 8).map((length) => new Uint8Array(length).fill(255)),
    ),
    over(
      place,
      fc.integer({ min: 1, max: 200 }).map((length) => new Uint8Array(length)),
    ),
    over(place, long),
    place.map((at) => (bytes: Buffer) => bytes.subarray(0, at)),
    fc
      .tuple(place, place, fc.integer({ min: 1, max: 100 }))
      .map(([from, to, length]) => (bytes: Buffer) => {
        bytes.copyWithin(to, from, Math.min(bytes.length, from + length));
        return bytes;
      }),
  );
};

test(
  `${FILES} damaged files are read or refused by name, in bounded time and memory`,
  { timeout: 1_200_000 },
  async () => {
    const folder = await temporaryFolder();
    const compute = processCompute<typeof tasks>({
      filename: new URL("damaged-reading.ts", import.meta.url),
      processes: 2,
      limitMinutes: LIMIT_MINUTES,
    });
    onTestFinished(() => compute.close());
    const whole = await Promise.all(
      [0, 5].map(async (gzip) => {
        const path = join(folder, `whole-${gzip}.h5ad`);
        await writeH5ad(path, { ...smallAtlas(), uns: { log1p: { base: 2 } } }, { gzip });
        return readFile(path);
      }),
    );
    const samples = whole.map((bytes, at) =>
      fc.sample(damage(bytes.length), { numRuns: FILES / 2, seed: at + 1 }),
    );
    let peakMb = 0;
    const outcomes = new Map<string, number>();
    const read = async (name: string, bytes: Buffer): Promise<void> => {
      const path = join(folder, `${name}.h5ad`);
      await writeFile(path, bytes);
      const outcome = await compute.run("readAll", path).then(
        (result) => {
          peakMb = Math.max(peakMb, result.peakMb);
          return "read";
        },
        (thrown: unknown) => (thrown instanceof HaystackError ? thrown.code : String(thrown)),
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      await rm(path);
    };
    await Promise.all(
      samples.map(async (changes, at) => {
        for (const [n, change] of changes.entries())
          await read(`${at}-${n}`, change(Buffer.from(whole[at] as Buffer)));
      }),
    );

    const { read: undamaged = 0, ...refused } = Object.fromEntries(outcomes);
    expect(Object.keys(refused).filter((code) => !REFUSALS.includes(code))).toEqual([]);
    expect(undamaged).toBeGreaterThan(FILES / 100);
    expect(outcomes.get("FILE_DAMAGED")).toBeGreaterThan(FILES / 10);
    expect(peakMb).toBeLessThan(1_000);
  },
);
