import { join } from "node:path";
import { expect, it } from "vitest";
import { openH5ad } from "../../../science/anndata/open.ts";
import { readH5ad } from "../../../science/anndata/read.ts";
import { importAtlas } from "../../../science/atlas/import.ts";
import { inspectH5ad } from "../../../science/atlas/inspect.ts";
import { readGroup } from "../../../science/atlas/read-group.ts";
import { loadKnowledge } from "../../../science/knowledge/load.ts";
import { labelResolver } from "../../../science/knowledge/resolve.ts";
import { temporaryFolder } from "../../support/hosted-runs.ts";
import { describeWithPython, runPython } from "../../support/python.ts";
import { dense } from "../anndata-files.ts";

const resolver = labelResolver(loadKnowledge());

const BEGIN = `
import json, warnings
warnings.simplefilter("ignore")
import h5py, numpy as np, scipy.sparse as sp
given = json.loads(sys.argv[1])
rng = np.random.default_rng(5)
genes = ["ISG15", "CD3D", "MS4A1", "ACTB", "IFIT1", "LYZ", "GNLY"]
`;

/** Cell Ranger 3 and later with antibodies, and 2, as scanpy reads them. */
const TENX = `${BEGIN}
n, m = 90, len(genes) + 3
counts = rng.poisson(1.0, (n, m)).astype("i4")
c = sp.csr_matrix(counts)
names = np.array(genes + ["CD3_TotalSeqB", "CD19_TotalSeqB", "CD14_TotalSeqB"], "S")
order = rng.permutation(m)
kinds = np.array(["Gene Expression"] * len(genes) + ["Antibody Capture"] * 3, "S")
c = sp.csr_matrix(counts[:, order]); names = names[order]; kinds = kinds[order]
c.sort_indices()
def write(path, group, features):
    with h5py.File(path, "a") as f:
        g = f.create_group(group)
        g["barcodes"] = np.array([f"AAAC{i}-1" for i in range(n)], "S")
        g["data"] = c.data; g["indices"] = c.indices.astype("i8"); g["indptr"] = c.indptr.astype("i8")
        g["shape"] = np.array([m, n], "i4")
        ids = np.array([f"ENSG{i:011d}" for i in range(m)], "S")
        if features:
            t = g.create_group("features")
            t["id"] = ids; t["name"] = names; t["feature_type"] = kinds
            t["genome"] = np.array(["GRCh38"] * m, "S"); t["_all_tag_keys"] = np.array([b"genome"])
        else:
            g["genes"] = ids; g["gene_names"] = names
folder = given["folder"]
write(f"{folder}/three.h5", "matrix", True)
write(f"{folder}/two.h5", "GRCh38", False)
write(f"{folder}/both.h5", "GRCh38", False); write(f"{folder}/both.h5", "mm10", False)
import scanpy as sc
out = {}
for name in ("three", "two"):
    a = sc.read_10x_h5(f"{folder}/{name}.h5")
    out[name] = {"X": a.X.toarray().tolist(), "obs": list(a.obs_names), "symbols": list(a.var_names), "ids": list(a.var["gene_ids"])}
print(json.dumps(out))
`;

/** A .loom file as loompy 3 lays it out, chunked and compressed. */
const LOOM = `${BEGIN}
n = 200
counts = rng.poisson(0.8, (n, len(genes)))
with h5py.File(given["path"], "w") as f:
    kw = dict(chunks=(4, 64), compression="gzip")
    f.create_dataset("matrix", data=counts.T.astype(given["dtype"]), **kw)
    f.create_group("layers").create_dataset("spliced", data=(counts.T // 2).astype("u4"), **kw)
    text = h5py.string_dtype("utf-8")
    r = f.create_group("row_attrs"); c = f.create_group("col_attrs")
    r.create_dataset("Gene", data=genes, dtype=text)
    r.create_dataset("Accession", data=[f"ENSG{i:011d}" for i in range(len(genes))], dtype=text)
    c.create_dataset("CellID", data=[f"c{i}" for i in range(n)], dtype=text)
    c.create_dataset("cell_type", data=["T cell", "B cell"] * (n // 2), dtype=text)
    c.create_dataset("perturbation", data=(["control"] * 2 + ["IFN-beta"] * 2) * (n // 4), dtype=text)
    c.create_dataset("depth", data=counts.sum(1))
    c.create_dataset("umap", data=rng.normal(size=(n, 2)))
    f.create_group("attrs").create_dataset("LOOM_SPEC_VERSION", data="3.0.0", dtype=text)
    f.create_group("row_graphs"); f.create_group("col_graphs")
print(json.dumps(counts.tolist()))
`;

/** Runs a line of a shell with the Python of the tests. */
const RUN = `
import json, os, subprocess
os.environ["PATH"] = os.path.dirname(sys.executable) + ":" + os.environ["PATH"]
subprocess.run(json.loads(sys.argv[1])["line"], shell=True, check=True, capture_output=True)
print("null")
`;

interface Reference {
  readonly X: number[][];
  readonly obs: string[];
  readonly symbols: string[];
  readonly ids: string[];
}

describeWithPython("10x .h5", () => {
  it("is read as scanpy reads it, genes alone; what it lacks is said with the line that adds it", async () => {
    const folder = await temporaryFolder();
    const reference = await runPython<Record<string, Reference>>(TENX, { folder });
    for (const name of ["three", "two"]) {
      const path = join(folder, `${name}.h5`);
      const { X, obs, var: genes } = await readH5ad(path);
      expect(dense(X)).toEqual(reference[name]!.X);
      expect(obs).toEqual({ index: reference[name]!.obs, columns: {} });
      expect(genes.index).toEqual(reference[name]!.ids);
      expect(genes.columns["gene_symbols"]).toEqual(reference[name]!.symbols);
      const summary = await inspectH5ad(path, resolver);
      expect([summary.counts, summary.guessed.gene_symbols, summary.obs]).toEqual([
        "X",
        "gene_symbols",
        [],
      ]);
      const outDir = join(folder, `atlas-${name}`);
      const refusal = await importAtlas({ source: path, outDir }, resolver).then(
        () => expect.unreachable("it was imported"),
        (thrown: { code: string; message: string }) => thrown,
      );
      expect(refusal.code).toBe("PERTURBATION_COLUMN_MISSING");
      const [, line] =
        /says nothing of its cells.*convert it: (.+), and add the columns of obs\.$/.exec(
          refusal.message,
        ) ?? [];
      await runPython(RUN, { line });
      expect(dense((await readH5ad(join(folder, `${name}.h5ad`))).X)).toEqual(reference[name]!.X);
    }
    await expect(openH5ad(join(folder, "both.h5"))).rejects.toMatchObject({
      code: "ANNDATA_INVALID",
      message: expect.stringMatching(/several genomes \(GRCh38, mm10\).*genome="GRCh38"/) as string,
    });
  });
});

describeWithPython(".loom", () => {
  it.each(["float32", "uint16", "int64"])("of %s is imported with every count", async (dtype) => {
    const folder = await temporaryFolder();
    const path = join(folder, "it.loom");
    const counts = await runPython<number[][]>(LOOM, { path, dtype });
    const summary = await inspectH5ad(path, resolver);
    expect(summary.slots.map(({ name, shape }) => [name, ...shape])).toEqual([
      ["X", 200, 7],
      ["layers/spliced", 200, 7],
    ]);
    expect(summary.unreadable.map(({ name }) => name)).toEqual(["obs/umap"]);
    const dir = join(folder, "atlas");
    const index = await importAtlas({ source: path, outDir: dir }, resolver);
    expect(index).toMatchObject({ dataset: "it", n_cells: 200, x_source: { slot: "X" } });
    expect(index.genes.slice(0, 2)).toEqual(["ISG15", "CD3D"]);
    for (const group of index.groups) {
      const { names, counts: X } = await readGroup(dir, group);
      expect(dense(X)).toEqual(names.map((name) => counts[Number(name.slice(1))]));
    }
    const file = await openH5ad(path);
    const slot = file.slots[1]!;
    const blocks = [...file.blocks(slot, 70)];
    expect(blocks.map(({ start }) => start)).toEqual(Array.from({ length: 20 }, (_, i) => i * 10));
    expect(blocks.flatMap(({ X }) => dense(X))).toEqual(
      counts.map((row) => row.map((count) => Math.floor(count / 2))),
    );
    expect(file.frame("obs").columns["depth"]).toEqual(
      Int32Array.from(counts, (row) => row.reduce((total, count) => total + count)),
    );
    file.close();
  });
});
