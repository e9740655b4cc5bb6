import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { HaystackError } from "../../errors.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { processCompute } from "../../services/compute/processes.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { smallAtlas } from "./anndata-files.ts";
import { damage } from "./damage.ts";
import type * as tasks from "./damaged-reading.ts";

const FILES = 2_000;
const LIMIT_MINUTES = 0.1;

/** What may become of a damaged file: it is refused, or stopped when the library never returns. */
const REFUSALS = [
  "ANNDATA_INVALID",
  "ANNDATA_UNSUPPORTED",
  "COLUMN_NOT_FOUND",
  "COMPUTE_OVER_MEMORY",
  "COMPUTE_OVER_TIME",
  "FILE_DAMAGED",
  "FILE_NOT_HDF5",
];

test(
  `${FILES} damaged files are read or refused by name, in bounded time and memory`,
  { timeout: 1_200_000 },
  async () => {
    const folder = await temporaryFolder();
    const compute = processCompute<typeof tasks>({
      filename: new URL("damaged-reading.ts", import.meta.url),
      processes: 2,
      limitMinutes: LIMIT_MINUTES,
      limits: { readAll: { gigabytes: { value: 1, variable: "INSPECT_GB" } } },
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
