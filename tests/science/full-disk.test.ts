import { readdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { describeWith } from "../support/describe-with.ts";
import { SMALL_DISK } from "../support/real-parts.ts";
import { mountSmallDisk } from "../../bench/chaos-disk.ts";
import { toHaystackError } from "../../errors.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { temporaryFolder } from "../services/temporary-folder.ts";

const CELLS = 400;
const GENES = 50;
const MEASURED = 20;

const range = (length: number) => Array.from({ length }, (_, index) => index);

const adata = {
  X: {
    nRows: CELLS,
    nCols: GENES,
    data: Float32Array.from(range(CELLS * MEASURED), (index) => (index % 7) + 1),
    indices: Int32Array.from(range(CELLS * MEASURED), (index) => index % MEASURED),
    indptr: Int32Array.from(range(CELLS + 1), (row) => row * MEASURED),
  },
  obs: {
    index: range(CELLS).map((cell) => `cell-${cell}`),
    columns: {
      is_control: range(CELLS).map((cell) => cell % 2 === 0),
      cell_type: range(CELLS).map((cell) => `type ${cell % 3}`),
    },
  },
  var: { index: range(GENES).map((gene) => `G${gene}`), columns: {} },
  uns: { model: "none" },
};

describeWith(SMALL_DISK)("on a small disk", () => {
  test("wherever in an AnnData file the disk becomes full, the error says so and nothing is left; else the file is whole", async () => {
    const folder = await temporaryFolder();
    const reference = join(folder, "reference.h5ad");
    await writeH5ad(reference, adata);
    const whole = await readFile(reference);
    const place = join(folder, "disk");
    const disk = mountSmallDisk(place, 1);
    if (disk === undefined) throw new Error("No disk can be mounted here.");
    onTestFinished(() => disk.close());
    const { bavail, bsize } = await statfs(place);
    const file = join(place, "cells.h5ad");
    const filler = join(place, "filler");
    const outcomes: string[] = [];
    for (let left = 0; left <= Math.ceil(whole.length / bsize) + 1; left++) {
      await writeFile(filler, Buffer.alloc((bavail - left) * bsize));
      try {
        await writeH5ad(file, adata);
        expect((await readFile(file)).equals(whole)).toBe(true);
        outcomes.push("whole");
        await rm(file);
      } catch (thrown) {
        const { code, message } = toHaystackError(thrown);
        expect(message).not.toMatch(/\n|HDF5-DIAG/);
        outcomes.push(code);
        expect(await readdir(place)).toEqual(["filler"]);
      }
      await rm(filler);
    }
    expect(new Set(outcomes)).toEqual(new Set(["DISK_FULL", "whole"]));
    expect(outcomes.lastIndexOf("DISK_FULL")).toBeGreaterThan(10);
  });
});
