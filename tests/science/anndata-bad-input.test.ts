import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ready } from "h5wasm/node";
import { describe, expect, it } from "vitest";
import { createHdf5 } from "../../science/anndata/hdf5-create.ts";
import { openH5ad } from "../../science/anndata/open.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import { smallAtlas, temporaryFolder } from "./anndata-files.ts";

const fails = (code: string, message: RegExp) => ({
  code,
  message: expect.stringMatching(message) as string,
});

describe("files that are no AnnData", () => {
  it("says when there is no file", async () => {
    await expect(openH5ad(join(await temporaryFolder(), "none.h5ad"))).rejects.toMatchObject(
      fails("FILE_NOT_FOUND", /check that the path is right/),
    );
    await expect(openH5ad(await temporaryFolder())).rejects.toMatchObject(
      fails("FILE_NOT_HDF5", /is a folder/),
    );
  });

  it.each([
    ["text", "cell,gene\n1,2\n".repeat(500), /is text; if it is a table .*anndata\.io\.read_csv/],
    ["an empty file", "", /is empty; download or copy it again/],
    ["other bytes", "\u0001\u0002".repeat(500), /is not an HDF5 file/],
  ])("says when it is %s", async (_, content, message) => {
    const path = join(await temporaryFolder(), "text.h5ad");
    await writeFile(path, content);
    await expect(openH5ad(path)).rejects.toMatchObject(fails("FILE_NOT_HDF5", message));
  });

  it("says when it is HDF5 of another kind", async () => {
    const path = join(await temporaryFolder(), "other.h5");
    await createHdf5(
      path,
      (root) => void root.create_group("matrix").create_dataset({ name: "data", data: [1, 2, 3] }),
    );
    await expect(openH5ad(path)).rejects.toMatchObject(fails("ANNDATA_INVALID", /without obs/));
  });

  it("says when X does not fit obs and var", async () => {
    const path = join(await temporaryFolder(), "misfit.h5ad");
    await createHdf5(path, (root) => {
      for (const [frame, n] of [
        ["obs", 3],
        ["var", 4],
      ] as const)
        root
          .create_group(frame)
          .create_dataset({ name: "_index", data: Array.from({ length: n }, (_, i) => `n${i}`) });
      root.create_dataset({ name: "X", data: new Float32Array(10), shape: [2, 5] });
    });
    await expect(readH5ad(path)).rejects.toMatchObject(
      fails("ANNDATA_INVALID", /X .*is 2 x 5, but there are 3 cells and 4 genes/),
    );
  });

  it("says when there is no X to read, or its indices lie outside", async () => {
    const path = join(await temporaryFolder(), "sparse.h5ad");
    const write = (indices: number[] | null) =>
      createHdf5(path, (root) => {
        for (const frame of ["obs", "var"])
          root.create_group(frame).create_dataset({ name: "_index", data: ["a", "b"] });
        if (indices === null) return;
        const X = root.create_group("X");
        X.create_attribute("encoding-type", "csr_matrix");
        X.create_attribute("shape", BigInt64Array.of(2n, 2n));
        X.create_dataset({ name: "data", data: Float32Array.of(1, 2) });
        X.create_dataset({ name: "indices", data: Int32Array.from(indices) });
        X.create_dataset({ name: "indptr", data: Int32Array.of(0, 1, 2) });
      });
    await write(null);
    await expect(readH5ad(path)).rejects.toMatchObject(fails("ANNDATA_INVALID", /has no X/));
    await write([0, 7]);
    await expect(readH5ad(path)).rejects.toMatchObject(
      fails("ANNDATA_INVALID", /indices outside its shape/),
    );
    await write([0, 1]);
    expect((await readH5ad(path)).X.data).toEqual(Float32Array.of(1, 2));
  });
});

/**
 * Leaves something in the free memory of the HDF5 library, as earlier reads of a long-lived process
 * do.
 */
async function littered(): Promise<void> {
  const module = await ready;
  const pieces = Array.from({ length: 300 }, (_, i) => [module._malloc(4 + i), 4 + i] as const);
  for (const [at, size] of pieces) module.HEAPU8.fill(0x5a, at, at + size);
  for (const [at] of pieces) module._free(at);
}

describe("damaged files", () => {
  it("says when the file is cut short, wherever it ends", async () => {
    const folder = await temporaryFolder();
    await writeH5ad(join(folder, "whole.h5ad"), smallAtlas());
    const whole = await readFile(join(folder, "whole.h5ad"));
    const path = join(folder, "cut.h5ad");
    for (const share of [0.01, 0.3, 0.6, 0.9, 0.999]) {
      await writeFile(path, whole.subarray(0, Math.floor(whole.length * share)));
      await expect(readH5ad(path)).rejects.toMatchObject(
        fails("FILE_DAMAGED", /copy or download it again/),
      );
    }
  });

  it("says when bytes of the data are wrong, and goes on reading other files", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "spoilt.h5ad");
    const counts = Array.from({ length: 400 }, (_, i) => [i % 7, i % 5, i % 3, i % 11]);
    const obs = { cell_type: counts.map(String), perturbation: counts.map(String) };
    await writeH5ad(path, smallAtlas({ counts, obs }), { gzip: 5 });
    const bytes = await readFile(path);
    for (const at of [0.03, 0.2, 0.5, 0.8]) {
      const spoilt = Buffer.from(bytes);
      spoilt.fill(0x5a, Math.floor(at * bytes.length), Math.floor(at * bytes.length) + 600);
      await littered();
      await writeFile(join(folder, `${at}.h5ad`), spoilt);
      await expect(readH5ad(join(folder, `${at}.h5ad`))).rejects.toMatchObject({
        code: "FILE_DAMAGED",
      });
    }
    await writeFile(join(folder, "sound.h5ad"), bytes);
    expect((await readH5ad(join(folder, "sound.h5ad"))).X.nRows).toBe(400);
  });
});

describeWithPython("files of old versions and other tools", () => {
  it("names the fix for the compound tables before anndata 0.7", async () => {
    const path = join(await temporaryFolder(), "legacy.h5ad");
    const program = String.raw`
import h5py, json, numpy as np, sys
with h5py.File(json.loads(sys.argv[1])["path"], "w") as f:
    f["X"] = np.ones((2, 2), dtype="f4")
    for name in ("obs", "var"):
        f[name] = np.array([(b"a", 1), (b"b", 2)], dtype=[("index", "S5"), ("n", "i4")])
print("{}")`;
    await runPython(program, { path });
    await expect(openH5ad(path)).rejects.toMatchObject(
      fails(
        "ANNDATA_UNSUPPORTED",
        /before 0\.7; open it with a current anndata .* and save it again/,
      ),
    );
  });

  it("says which column or filter cannot be read", async () => {
    const path = join(await temporaryFolder(), "odd.h5ad");
    const program = String.raw`
import anndata as ad, h5py, json, numpy as np, pandas as pd, sys
path = json.loads(sys.argv[1])["path"]
ad.AnnData(X=np.ones((2, 2), dtype="f4"), obs=pd.DataFrame({"half": np.ones(2, dtype="f4")}, index=["a", "b"])).write_h5ad(path)
with h5py.File(path, "r+") as f:
    del f["obs/half"]; f["obs/half"] = np.ones(2, dtype="f2")
    f["obs"].create_dataset("pairs", data=np.ones((2, 2)))
    f["obs"].attrs["column-order"] = ["half", "pairs"]
    f.create_dataset("layers/strange", data=np.zeros((2, 2)), chunks=(2, 2), compression="lzf")
    f["layers"].create_dataset("scaled", data=np.arange(4, dtype="i4").reshape(2, 2), chunks=(2, 2), scaleoffset=0)
data = open(path, "rb").read(); at = data.index(b"lzf") - 8
assert data[at:at + 2] == (32000).to_bytes(2, "little")
open(path, "wb").write(data[:at] + (32700).to_bytes(2, "little") + data[at + 2:])
print("{}")`;
    await runPython(program, { path });
    const file = await openH5ad(path);
    const strange = file.slots.find(({ name }) => name === "layers/strange");
    expect(() => file.rows(strange as never, 0, 2)).toThrowError(
      expect.objectContaining(
        fails(
          "ANNDATA_UNSUPPORTED",
          /layers\/strange .*filter that cannot be read; write the file again with gzip/,
        ),
      ) as Error,
    );
    expect(() => file.column("obs", "half")).toThrowError(
      expect.objectContaining(fails("ANNDATA_UNSUPPORTED", /"half".*cannot be read/)) as Error,
    );
    expect(() => file.column("obs", "pairs")).toThrowError(
      expect.objectContaining(fails("ANNDATA_UNSUPPORTED", /"pairs".*cannot be read/)) as Error,
    );
    expect(() => file.column("obs", "none")).toThrowError(
      expect.objectContaining(fails("COLUMN_NOT_FOUND", /the columns are: half, pairs/)) as Error,
    );
    expect(file.sample(file.slots.find(({ name }) => name === "layers/scaled") as never)).toEqual(
      Float32Array.of(0, 1, 2, 3),
    );
    file.close();
  });
});
