import { mkdtempSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { toHaystackError } from "../../errors.ts";
import { hasBroken } from "../../science/anndata/hdf5-library.ts";
import { openH5ad } from "../../science/anndata/open.ts";
import { processCompute } from "../../services/compute/processes.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import type * as tasks from "./damaged-reading.ts";

const FILTERS = join(dirname(createRequire(import.meta.url).resolve("h5wasm-plugins")), "plugins");

/** What becomes of each kind, by the beginning of its name; null: it is read, and gives its own. */
const EXPECTED: readonly (readonly [name: RegExp, outcome: RegExp | null])[] = [
  [/^sound/, null],
  [
    /^(?:zarr-)?(?:away|virtual)\b/,
    /^ANNDATA_UNSUPPORTED .* (?:refers to (?:another file|other data)|is a link to another place)/,
  ],
  [
    /^unstored-(?:dense|loom|index)/,
    /^FILE_DAMAGED .* declares \d+ values, more than a file of \d+ bytes can hold/,
  ],
  [/^unstored-base/, null],
  [/^(?:repeated|large)-text/, /^COMPUTE_OVER_MEMORY .* more than 1 GB of memory; .* INSPECT_GB/],
  [
    /^pointers-/,
    /^ANNDATA_INVALID .* pointers \(indptr\) that (?:leave values out|are not in order)/,
  ],
  [/^cycle-(?:layers|categories-of-old)/, null],
  [/^cycle-/, /^(?:ANNDATA_UNSUPPORTED|ANNDATA_INVALID|FILE_DAMAGED) /],
  [/^(?:deep|names)\./, null],
  [/^names-up/, /^ANNDATA_UNSUPPORTED Column "\.\.\/X"/],
  [/^type-\w+-uns/, null],
  [
    /^type-/,
    /^ANNDATA_(?:UNSUPPORTED|INVALID) .* (?:cannot be read|does not contain numbers|contains \d+-bit floats)/,
  ],
  [/^attribute-\w+-obs-cell_type/, /^ANNDATA_UNSUPPORTED Column "cell_type" .* cannot be read/],
  [/^attribute-/, null],
  [/^zarr-/, /^(?:FILE_DAMAGED .* is not complete|ANNDATA_INVALID .* has no index)/],
  [/^(?:pipe|link-to)/, /^FILE_NOT_HDF5 .* is a pipe or a device, not a file/],
];

describeWithPython("a crafted file gives nothing but its own, in bounded time and memory", () => {
  const place = mkdtempSync(join(tmpdir(), "haystack-crafted-"));
  const folder = join(place, "files");
  const compute = processCompute<typeof tasks>({
    filename: new URL("damaged-reading.ts", import.meta.url),
    processes: 1,
    limitMinutes: 0.5,
    limits: { tellAll: { gigabytes: { value: 1, variable: "INSPECT_GB" } } },
  });
  const tell = (name: string): Promise<string> =>
    compute.run("tellAll", join(folder, name)).then(
      (told) => told,
      (thrown: unknown) => {
        const { code, message } = toHaystackError(thrown);
        return `${code} ${message}`;
      },
    );
  let names: string[] = [];

  beforeAll(async () => {
    await mkdir(folder);
    const make = await readFile(new URL("crafted-files.py", import.meta.url), "utf8");
    names = await runPython(make, { folder, secret: join(place, "secret.h5ad"), filters: FILTERS });
  }, 120_000);
  afterAll(async () => {
    await compute.close();
    await rm(place, { recursive: true, force: true });
  });

  it("every kind, one after another in the same process", { timeout: 300_000 }, async () => {
    const sound = await tell("sound.h5ad");
    expect(sound).toContain("B cell");
    const wrong: string[] = [];
    for (const name of names) {
      const told = await tell(name);
      const expected = EXPECTED.find(([kind]) => kind.test(name))?.[1];
      const isRight =
        expected === null
          ? told.includes("c0") &&
            told.includes(JSON.stringify(Array.from({ length: 31 }, (_, i) => i + 1)))
          : expected?.test(told);
      if (isRight !== true || told.includes("SECRET")) wrong.push(`${name}: ${told.slice(0, 200)}`);
    }
    expect(wrong).toEqual([]);
    expect(names.length).toBeGreaterThan(120);
    expect(await tell("sound.h5ad")).toBe(sound);
  });

  it("a library that has broken off accuses the file that broke it, and no other", async () => {
    const broken = join(folder, "cycle-layers.h5ad");
    const file = await openH5ad(broken);
    expect(
      hasBroken(broken, Object.assign(new Error("unreachable"), { name: "RuntimeError" })),
    ).toBe(true);
    expect(() => file.rows(file.slots[0]!, 0, 1)).toThrowError(
      expect.objectContaining({ code: "FILE_DAMAGED" }),
    );
    await expect(openH5ad(join(folder, "sound.h5ad"))).rejects.toMatchObject({
      code: "INTERNAL",
      message: expect.stringMatching(
        /was not read, as reading another file had broken off; try again/,
      ),
    });
  });
});
