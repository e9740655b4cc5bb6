import { readFile, readdir, stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { createHdf5 } from "../../science/anndata/hdf5-create.ts";
import { openH5ad } from "../../science/anndata/open.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { describeWithData, KANG } from "../support/data.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import { csr, dense, smallAtlas, temporaryFolder } from "./anndata-files.ts";

const VARIED: AnnData = {
  X: csr([
    [0, 1, 0],
    [2, 0, 3],
    [0, 0, 0],
    [4, 5, 6],
  ]),
  layers: {
    continuous: csr([
      [0, 0.5, 0],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 1.25],
    ]),
  },
  obs: {
    index: ["a", "b", "γ", "d"],
    columns: {
      text: ["x", "y", "", "z z"],
      missing: ["x", null, "y", null],
      flag: [true, false, true, true],
      whole: Int32Array.of(1, -2, 3, 4),
      single: Float32Array.of(0.5, 1.5, Number.NaN, 2),
      double: Float64Array.of(0.1, 0.2, 0.3, 1e300),
    },
  },
  var: { index: ["G1", "G2", "G3"], columns: { picked: [true, false, true] } },
  uns: {
    flags: [true, false],
    model: "baseline",
    seed: 7,
    share: 0.25,
    labelled: true,
    genes: ["G1"],
    none: [],
    steps: [1, 2, 3],
    values: Float64Array.of(0.5),
    nested: { deeper: { text: "β" } },
  },
};

const READ_BACK = String.raw`
import json, sys
import anndata as ad, scanpy as sc, numpy as np, pandas as pd, scipy.sparse as sp
path = json.loads(sys.argv[1])["path"]
a = ad.read_h5ad(path); sc.read_h5ad(path)
assert sp.issparse(a.X) and a.X.format == "csr" and a.X.dtype == np.float32 and a.X.has_sorted_indices and a.obs_names.is_unique
obs = {c: [None if pd.isna(v) else v for v in a.obs[c].tolist()] for c in a.obs.columns}
plain = lambda v: {k: plain(x) for k, x in v.items()} if isinstance(v, dict) else v.tolist() if hasattr(v, "tolist") else v
backed = ad.read_h5ad(path, backed="r"); assert backed.shape == a.shape
flags = {c: str(frame[c].dtype) for frame in (a.obs, a.var) for c in frame if frame[c].dtype == bool}
ordered = [bool(a.obs[c].cat.ordered) for c in a.obs if a.obs[c].dtype == "category"]
layers = {name: layer.toarray().tolist() for name, layer in a.layers.items()}
picked = list(a[:, a.var["picked"]].var_names) if "picked" in a.var else None
print(json.dumps({"flags": flags, "ordered": ordered, "layers": layers, "picked": picked, "X": a.X.toarray().tolist(), "obs": obs, "index": list(a.obs_names), "genes": list(a.var_names), "uns": plain(a.uns)}))
`;

describeWithPython("writing for anndata and scanpy", () => {
  it("is read without a warning and with equal contents", async () => {
    const path = join(await temporaryFolder(), "varied.h5ad");
    for (const gzip of [0, 4]) {
      await writeH5ad(path, VARIED, { gzip });
      expect(await runPython(READ_BACK, { path })).toEqual({
        flags: { flag: "bool", picked: "bool" },
        ordered: [false],
        picked: ["G1", "G3"],
        layers: { continuous: dense(VARIED.layers!["continuous"]!) },
        X: dense(VARIED.X),
        obs: {
          text: ["x", "y", "", "z z"],
          missing: ["x", null, "y", null],
          flag: [true, false, true, true],
          whole: [1, -2, 3, 4],
          single: [0.5, 1.5, null, 2],
          double: [0.1, 0.2, 0.3, 1e300],
        },
        index: ["a", "b", "γ", "d"],
        genes: ["G1", "G2", "G3"],
        uns: {
          flags: [true, false],
          model: "baseline",
          seed: 7,
          share: 0.25,
          labelled: true,
          genes: ["G1"],
          none: [],
          steps: [1, 2, 3],
          values: [0.5],
          nested: { deeper: { text: "β" } },
        },
      });
    }
  });

  it("is read when there are no cells, no columns and no values", async () => {
    const path = join(await temporaryFolder(), "empty.h5ad");
    await writeH5ad(
      path,
      {
        X: csr([], 2),
        obs: { index: [], columns: {} },
        var: { index: ["G1", "G2"], columns: {} },
        uns: {},
      },
      { gzip: 1 },
    );
    expect(await runPython(READ_BACK, { path })).toEqual({
      flags: {},
      ordered: [],
      picked: null,
      layers: {},
      X: [],
      obs: {},
      index: [],
      genes: ["G1", "G2"],
      uns: {},
    });
    expect((await readH5ad(path)).X.nCols).toBe(2);
  });
});

describe("writeH5ad", () => {
  it("writes and reads a path that is relative to the folder of the process", async () => {
    const folder = await temporaryFolder();
    const file = relative(process.cwd(), join(folder, "relative.h5ad"));
    expect(file).not.toBe(resolve(file));
    await writeH5ad(file, VARIED);
    expect((await readH5ad(file)).obs).toEqual(VARIED.obs);
  });

  it("says in the system's words that a place cannot be written", async () => {
    const folder = await temporaryFolder();
    await expect(writeH5ad(join(folder, "none", "a.h5ad"), VARIED)).rejects.toEqual(
      expect.objectContaining({ code: "ENOENT" }),
    );
  });

  it("gives the same bytes for the same input, whenever and after whatever it is written", async () => {
    const folder = await temporaryFolder();
    vi.useFakeTimers({ toFake: ["Date"], now: new Date("2024-01-01") });
    onTestFinished(() => void vi.useRealTimers());
    await writeH5ad(join(folder, "1.h5ad"), VARIED, { gzip: 3 });
    await writeH5ad(join(folder, "other.h5ad"), smallAtlas());
    vi.setSystemTime(new Date("2025-02-03"));
    await writeH5ad(join(folder, "2.h5ad"), VARIED, { gzip: 3 });
    const [first, second] = await Promise.all(
      ["1.h5ad", "2.h5ad"].map((name) => readFile(join(folder, name))),
    );
    expect(first?.equals(second as Buffer)).toBe(true);
  });

  it("is read back by readH5ad", async () => {
    const path = join(await temporaryFolder(), "varied.h5ad");
    await writeH5ad(path, VARIED);
    const { X, obs, uns } = await readH5ad(path);
    expect(X).toEqual(VARIED.X);
    expect(obs).toEqual(VARIED.obs);
    expect(uns["nested"]).toEqual({ deeper: { text: "β" } });
  });

  it("leaves text that looks like a description of booleans as it is", async () => {
    const path = join(await temporaryFolder(), "text.h5ad");
    const told = "boolean-00000000-0000-4000-8000-000000000000";
    await writeH5ad(path, {
      ...VARIED,
      obs: {
        ...VARIED.obs,
        columns: { flag: [true, false, true, true], text: [told, "", "", ""] },
      },
    });
    expect((await readH5ad(path)).obs.columns).toEqual({
      flag: [true, false, true, true],
      text: [told, "", "", ""],
    });
  });

  it("writes arrays longer than one slice as they are", async () => {
    const path = join(await temporaryFolder(), "long.h5ad");
    const n = 300_000;
    const X = {
      nRows: 1,
      nCols: n,
      data: Float32Array.from({ length: n }, (_, i) => (i % 97) + 1),
      indices: Int32Array.from({ length: n }, (_, i) => i),
      indptr: Int32Array.of(0, n),
    };
    await writeH5ad(
      path,
      {
        X,
        obs: { index: ["c"], columns: {} },
        var: { index: Array.from({ length: n }, (_, i) => `G${i}`), columns: {} },
        uns: {},
      },
      { gzip: 1 },
    );
    expect((await readH5ad(path)).X).toEqual(X);
    expect((await stat(path)).size).toBeLessThan(n * 50);
  });

  it.each([
    ["a shape that does not fit", { ...VARIED, var: { index: ["G1"], columns: {} } }, /4 x 3/],
    [
      "repeated cell names",
      { ...VARIED, obs: { index: ["a", "a", "b", "c"], columns: {} } },
      /names repeat in the obs index/,
    ],
    [
      "a short column",
      { ...VARIED, obs: { ...VARIED.obs, columns: { text: ["x"] } } },
      /"text" of obs has 1 values/,
    ],
    [
      "a column name with a slash",
      { ...VARIED, obs: { ...VARIED.obs, columns: { "a/b": ["x", "x", "x", "x"] } } },
      /"a\/b" cannot be a name/,
    ],
    [
      "an uns name with a slash",
      { ...VARIED, uns: { nested: { "a/b": 1 } } },
      /"a\/b" cannot be a name/,
    ],
  ] as const)("refuses %s and leaves nothing behind", async (_, adata, message) => {
    const folder = await temporaryFolder();
    await expect(writeH5ad(join(folder, "bad.h5ad"), adata as AnnData)).rejects.toMatchObject({
      code: "ANNDATA_INVALID",
      message: expect.stringMatching(message) as string,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    ["blosc", 32_001, [2, 2, 4, 4096, 5, 1, 0]],
    ["lz4", 32_004, [0]],
    ["zstd", 32_015, [3]],
  ] as const)("and readers know the %s filter", async (_, filter, settings) => {
    const path = join(await temporaryFolder(), "filtered.h5ad");
    const values = Float32Array.from({ length: 4096 }, (__, i) => i % 13);
    await createHdf5(path, (root) => {
      for (const frame of ["obs", "var"])
        root
          .create_group(frame)
          .create_dataset({ name: "_index", data: Array.from({ length: 64 }, (__, i) => `n${i}`) });
      root.create_dataset({
        name: "X",
        data: values,
        shape: [64, 64],
        chunks: [16, 64],
        compression: filter,
        compression_opts: [...settings],
      });
    });
    const file = await openH5ad(path);
    expect(dense(file.rows(file.slots[0] as never, 0, 64)).flat()).toEqual(Array.from(values));
    file.close();
    expect((await stat(path)).size).toBeLessThan(values.byteLength);
  });
});

describeWithData("a real data set", () => {
  it("survives the way through our writer and reader", async () => {
    const path = join(await temporaryFolder(), "kang.h5ad");
    const kang = await readH5ad(KANG);
    await writeH5ad(path, kang, { gzip: 1 });
    expect(await readH5ad(path)).toEqual(kang);
  });
});
