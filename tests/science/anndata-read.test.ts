import { join } from "node:path";
import { expect, it } from "vitest";
import { columnLabels } from "../../science/anndata/frame.ts";
import { openH5ad } from "../../science/anndata/open.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { describeWithData, KANG, PBMC68K } from "../support/data.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import { dense, temporaryFolder } from "./anndata-files.ts";

const WRITE_ALL = String.raw`
import json, sys, warnings
import anndata as ad, h5py, numpy as np, pandas as pd, scipy.sparse as sp
folder = json.loads(sys.argv[1])["folder"]
ad.settings.allow_write_nullable_strings = True
rng = np.random.default_rng(7)
counts = rng.poisson(0.6, (61, 23)).astype(np.float32)
counts[5] = 0
counts[:, 3] = 0

def obs():
    n = counts.shape[0]
    o = pd.DataFrame(index=[f"cell-\u03b2-{i}" for i in range(n)])
    o["categorical"] = pd.Categorical([["T cell", "B cell", None][i % 3] for i in range(n)])
    o["numbers_as_categories"] = pd.Categorical([i % 4 for i in range(n)])
    o["text"] = [f"t\u00e4xt {i % 5}" for i in range(n)]
    o["flag"] = [i % 2 == 0 for i in range(n)]
    o["whole"] = np.arange(n, dtype=np.int64) * 3
    o["small"] = np.arange(n, dtype=np.uint8)
    o["huge"] = np.arange(n, dtype=np.int64) + 2**40
    o["single"] = np.linspace(0, 1, n).astype(np.float32)
    o["double"] = np.where(np.arange(n) % 7 == 0, np.nan, np.linspace(0, 1, n))
    o["nullable_whole"] = pd.array([None if i % 5 == 0 else i for i in range(n)], dtype="Int64")
    o["nullable_flag"] = pd.array([None if i % 5 == 0 else i % 2 == 0 for i in range(n)], dtype="boolean")
    o["nullable_text"] = pd.array([None if i % 5 == 0 else f"s{i}" for i in range(n)], dtype="string")
    return o

def make(x, **more):
    return ad.AnnData(X=x, obs=obs(), var=pd.DataFrame({"symbol": [f"G{i}" for i in range(23)]}, index=[f"ENSG{i:011d}" for i in range(23)]), **more)

unsorted = sp.csr_matrix(counts)
for r in range(unsorted.shape[0]):
    a, b = unsorted.indptr[r], unsorted.indptr[r + 1]
    unsorted.indices[a:b] = unsorted.indices[a:b][::-1].copy(); unsorted.data[a:b] = unsorted.data[a:b][::-1].copy()
wide = sp.csr_matrix(counts.astype(np.int64)); wide.indices = wide.indices.astype(np.int64); wide.indptr = wide.indptr.astype(np.int64)
files = {}
for name, x, compression in [
    ("csr", sp.csr_matrix(counts), None), ("csr_gzip", sp.csr_matrix(counts), "gzip"), ("csr_lzf", sp.csr_matrix(counts), "lzf"),
    ("csr_unsorted", unsorted, None), ("csr_int64", wide, "gzip"), ("csr_float64", sp.csr_matrix(counts.astype(np.float64)), None),
    ("csc", sp.csc_matrix(counts), None), ("csc_lzf", sp.csc_matrix(counts), "lzf"), ("dense", counts, None), ("dense_gzip", counts, "gzip"), ("dense_int32", counts.astype(np.int32), "lzf"),
]:
    files[name] = f"{folder}/{name}.h5ad"
    make(x).write_h5ad(files[name], compression=compression)

full = make(sp.csr_matrix(np.log1p(counts)), layers={"counts": sp.csc_matrix(counts), "dense": counts}, uns={"log1p": {"base": None}, "n": 3, "x": 1.5, "names": np.array(["a", "b"]), "flag": True, "nested": {"v": np.arange(3)}})
full.raw = make(sp.csr_matrix(counts))
full.write_h5ad(f"{folder}/full.h5ad")

# Categories as anndata 0.7 stored them: codes with a reference to obs/__categories/NAME.
make(sp.csr_matrix(counts)).write_h5ad(f"{folder}/old.h5ad")
with h5py.File(f"{folder}/old.h5ad", "r+") as f:
    o = f["obs"]; o.attrs["encoding-version"] = "0.1.0"
    codes, categories = o["categorical/codes"][:], o["categorical/categories"][:]
    del o["categorical"]
    o.create_group("__categories").create_dataset("categorical", data=categories, dtype=h5py.string_dtype())
    o.create_dataset("categorical", data=codes)
    o["categorical"].attrs["categories"] = o["__categories/categorical"].ref

o = obs()
labels = {c: [None if pd.isna(v) else (str(v) if not isinstance(v, float) else v) for v in o[c].tolist()] for c in o.columns}
print(json.dumps({"files": files, "counts": counts.tolist(), "labels": labels, "index": list(o.index)}))
`;

interface Written {
  readonly files: Record<string, string>;
  readonly counts: number[][];
  readonly labels: Record<string, (string | number | null)[]>;
  readonly index: string[];
}

function withoutNaN(column: unknown): (number | null)[] {
  return Array.from(column as ArrayLike<number>, (value) => (Number.isNaN(value) ? null : value));
}

describeWithPython("reading what anndata writes", () => {
  it("gives equal matrices, obs and var for every layout, width and compression", async () => {
    const folder = await temporaryFolder();
    const written = await runPython<Written>(WRITE_ALL, { folder });
    for (const path of Object.values(written.files)) {
      const adata = await readH5ad(path);
      expect(dense(adata.X)).toEqual(written.counts);
      expect(adata.obs.index).toEqual(written.index);
      expect(adata.var.columns["symbol"]).toEqual(Array.from({ length: 23 }, (_, i) => `G${i}`));
    }

    const { obs } = await readH5ad(written.files["csr"] as string);
    expect(Object.keys(obs.columns)).toEqual(Object.keys(written.labels));
    const { single, double, ...labels } = obs.columns;
    const read = Object.entries(labels).map(
      ([name, column]) => [name, columnLabels(column)] as const,
    );
    expect({
      ...Object.fromEntries(read),
      single: withoutNaN(single),
      double: withoutNaN(double),
    }).toEqual(written.labels);

    const old = await openH5ad(join(folder, "old.h5ad"));
    expect(columnLabels(old.column("obs", "categorical"))).toEqual(written.labels["categorical"]);
    expect(old.columns("obs").find(({ name }) => name === "categorical")?.kind).toBe("categorical");
    old.close();

    const full = await openH5ad(join(folder, "full.h5ad"));
    expect(full.slots.map(({ name, layout }) => `${name} ${layout}`)).toEqual([
      "X csr",
      "raw/X csr",
      "layers/counts csc",
      "layers/dense dense",
    ]);
    for (const slot of full.slots.slice(1)) {
      expect(dense(full.rows(slot, 0, 61))).toEqual(written.counts);
      expect(dense(full.rows(slot, 17, 31))).toEqual(written.counts.slice(17, 31));
      expect(Array.from(full.blocks(slot, 40), ({ X }) => dense(X)).flat()).toEqual(written.counts);
      expect([...full.blocks(slot, 40)].length).toBeGreaterThan(5);
    }
    expect(full.uns()).toEqual({
      log1p: {},
      n: 3,
      x: 1.5,
      names: ["a", "b"],
      flag: true,
      nested: { v: Float64Array.of(0, 1, 2) },
    });
    expect(full.index("raw/var")).toEqual(full.index("var"));
    full.close();
  });
});

describeWithData("reading real files", () => {
  it("describes PBMC 68k with its scaled X and log-normalised raw", async () => {
    const file = await openH5ad(PBMC68K);
    expect([file.nObs, file.nVars]).toEqual([700, 765]);
    expect(file.slots.map(({ name, layout }) => `${name} ${layout}`)).toEqual([
      "X dense",
      "raw/X csr",
    ]);
    expect(file.columns("obs").find(({ name }) => name === "louvain")).toEqual({
      name: "louvain",
      kind: "categorical",
    });
    file.close();
  });

  it("reads any slice of Kang as the whole has it", async () => {
    const file = await openH5ad(KANG);
    const [slot] = file.slots;
    if (slot === undefined) throw new Error("no X");
    const whole = dense(file.rows(slot, 0, file.nObs));
    expect(Array.from(file.blocks(slot, 50_000), ({ X }) => dense(X)).flat()).toEqual(whole);
    file.close();
  });
});
