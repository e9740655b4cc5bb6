import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { HaystackError } from "../../../errors.ts";
import { openH5ad } from "../../../science/anndata/open.ts";
import { filesBelow } from "../../../science/anndata/zarr-folder.ts";
import { importAtlas } from "../../../science/atlas/import.ts";
import { inspectH5ad } from "../../../science/atlas/inspect.ts";
import { readGroup } from "../../../science/atlas/read-group.ts";
import { loadKnowledge } from "../../../science/knowledge/load.ts";
import { labelResolver } from "../../../science/knowledge/resolve.ts";
import { processCompute } from "../../../services/compute/processes.ts";
import { temporaryFolder } from "../../support/hosted-runs.ts";
import { useOwnTmpdir } from "../../support/own-tmpdir.ts";
import { describeWithPython, runPython } from "../../support/python.ts";
import { dense } from "../anndata-files.ts";
import { damage } from "../damage.ts";
import type * as tasks from "../damaged-reading.ts";

useOwnTmpdir();

const resolver = labelResolver(loadKnowledge());

/** The same AnnData as .h5ad and as zarr of both versions, in every layout of X, with odd parts. */
const WRITE = `
import json, warnings
warnings.simplefilter("ignore")
import anndata as ad, numpy as np, pandas as pd, scipy.sparse as sp
folder = json.loads(sys.argv[1])["folder"]
rng = np.random.default_rng(3)
n, m = 240, 31
counts = rng.poisson(1.5, (n, m))
counts[:40] = 0
counts[:40, 0] = 1
obs = pd.DataFrame({
    "cell_type": pd.Categorical(["T cell"] * 120 + ["B cell"] * 120),
    "perturbation": ["control", "IFN-beta"] * 120,
    "donor_id": pd.Categorical(["d1"] * n),
    "n": rng.integers(0, 9, n), "f": rng.normal(size=n), "half": rng.normal(size=n).astype("float32"),
    "flag": np.arange(n) % 3 == 0,
    "maybe": pd.array([None if i % 7 == 0 else i for i in range(n)], dtype="Int64"),
    "missing": pd.Categorical([None if i % 5 == 0 else "x" for i in range(n)]),
}, index=[f"c{i}" for i in range(n)])
var = pd.DataFrame({"symbol": [f"G{i}" for i in range(m)]}, index=[f"GENE{i}" for i in range(m)])
halves = {}
for kind, make in [("csr", sp.csr_matrix), ("csc", sp.csc_matrix), ("dense", np.asarray)]:
    a = ad.AnnData(make(counts.astype("float32")), obs=obs.copy(), var=var.copy())
    a.layers["more"] = sp.csr_matrix(counts.astype("int64") * 2)
    a.layers["half"] = rng.normal(size=(n, m)).astype("float16")
    halves[kind] = a.layers["half"][0].astype("float64").tolist()
    a.raw = a.copy()
    a.uns["log1p"] = {"base": 2.0}
    a.uns["names"] = np.array(["a", "b"])
    a.obsm["X_umap"] = rng.normal(size=(n, 2))
    for version in (2, 3):
        ad.settings.zarr_write_format = version
        a.write_zarr(f"{folder}/{kind}{version}.zarr", chunks=(50, 9) if kind == "dense" else None)
    if kind == "csr":
        import zarr
        z = zarr.open_group(f"{folder}/mu.zarr", mode="w")
        z.attrs["encoding-type"] = "MuData"
        ad.io.write_elem(z, "mod/rna", a)
        ad.io.write_elem(z, "mod/prot", a[:, :3].copy())
        ad.io.write_elem(z, "obs", obs)
        ad.settings.auto_shard_zarr_v3 = True
        a.write_zarr(f"{folder}/csr-sharded3.zarr", chunks=200)
        ad.settings.auto_shard_zarr_v3 = False
    del a.layers["half"]
    a.write_h5ad(f"{folder}/{kind}.h5ad")
print(json.dumps(halves))
`;

let folder = "";
/** First row of the layer of half floats, by layout of X. */
let expectedHalf: Record<string, number[]>;

/** A copy that a test may damage. */
async function copyOf(name: string): Promise<string> {
  const copy = join(await temporaryFolder(), name);
  await cp(join(folder, name), copy, { recursive: true });
  return copy;
}

async function everythingOf(path: string) {
  const file = await openH5ad(path);
  try {
    return {
      obs: file.frame("obs"),
      var: file.frame("var"),
      raw: file.slots.some(({ name }) => name === "raw/X") ? file.frame("raw/var") : null,
      base: file.unsValue("log1p/base"),
      slots: Object.fromEntries(
        file.slots.map((slot) => [slot.name, dense(file.rows(slot, 0, slot.nRows))]),
      ),
    };
  } finally {
    file.close();
  }
}

const refusal = (path: string) =>
  openH5ad(path).then(
    (file) => (file.close(), expect.unreachable(`${path} was opened`)),
    (thrown: { code: string; message: string }) => `${thrown.code} ${thrown.message}`,
  );

const leftovers = async () =>
  (await readdir(tmpdir())).filter((name) => name.startsWith("haystack-unpacked-"));

describeWithPython("AnnData in zarr folders", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "haystack-zarr-"));
    expectedHalf = await runPython(WRITE, { folder });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("is read as the .h5ad file of the same contents, value by value", async () => {
    for (const kind of ["csr", "csc", "dense", "csr-sharded"])
      for (const version of kind === "csr-sharded" ? [3] : [2, 3]) {
        const path = join(folder, `${kind}${version}.zarr`);
        const { slots, ...zarr } = await everythingOf(path);
        const { slots: expected, ...h5ad } = await everythingOf(
          join(folder, `${kind.split("-")[0]}.h5ad`),
        );
        expect(zarr).toEqual(h5ad);
        const { "layers/half": half, ...others } = slots;
        expect(others).toEqual(expected);
        expect(half![0]).toEqual(expectedHalf[kind.split("-")[0]!]);
        expect((await inspectH5ad(path, resolver)).guessed.perturbation).toBe("perturbation");
      }
  });

  it.each([2, 3])("of version %i without raw, as anndata writes it, is read", async (version) => {
    const path = join(await temporaryFolder(), "plain.zarr");
    await runPython(
      `import json, warnings
warnings.simplefilter("ignore")
import anndata as ad, numpy as np
given = json.loads(sys.argv[1])
ad.settings.zarr_write_format = given["version"]
ad.AnnData(np.arange(6, dtype="f4").reshape(3, 2)).write_zarr(given["path"])
print("null")`,
      { path, version },
    );
    const { slots } = await everythingOf(path);
    expect(slots).toEqual({
      X: [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
    });
  });

  it("of several modalities is MuData, of which the RNA is read", async () => {
    const { modality, n_obs, n_vars } = await inspectH5ad(join(folder, "mu.zarr"), resolver);
    expect({ modality, n_obs, n_vars }).toEqual({ modality: "rna", n_obs: 240, n_vars: 31 });
    const path = join(folder, "mu.zarr");
    expect((await inspectH5ad(path, resolver, "prot")).n_vars).toBe(3);
  });

  it("is imported with the counts of every cell", async () => {
    const [ofZarr, ofFile] = await Promise.all(
      ["csr3.zarr", "csr.h5ad"].map(async (name) => {
        const dir = join(await temporaryFolder(), "atlas");
        const index = await importAtlas({ source: join(folder, name), outDir: dir }, resolver);
        const cells = await Promise.all(index.groups.map((group) => readGroup(dir, group)));
        return { index, cells };
      }),
    );
    expect(ofZarr!.index).toMatchObject({ dataset: "csr3", source_file: "csr3.zarr" });
    expect(ofZarr!.cells).toEqual(ofFile!.cells);
    expect(ofZarr!.cells.flatMap(({ names }) => names)).toHaveLength(240);
  });

  it("is refused where parts are gone, and leaves nothing behind", async () => {
    const before = await leftovers();
    for (const [name, gone] of [
      ["csr3.zarr", "X/indices/c/0"],
      ["csr2.zarr", "X/data/0"],
      ["csc3.zarr", "obs/_index/c/0"],
      ["dense2.zarr", "obs/cell_type/categories/0"],
    ] as const) {
      const copy = await copyOf(name);
      await rm(join(copy, gone));
      expect(await refusal(copy)).toMatch(/^FILE_DAMAGED .*is not complete.*download it again\.$/);
    }
    expect(await leftovers()).toEqual(before);
  });

  it("says of the matrix and of columns that are used how many chunks were not there", async () => {
    const whole = await inspectH5ad(join(folder, "dense3.zarr"), resolver);
    expect(whole.warnings.filter((warning) => /chunks/.test(warning))).toEqual([]);
    for (const [name, gone, part, chunks] of [
      ["dense2.zarr", "X/1.0", "X", "1 of 20"],
      ["dense3.zarr", "X/c/1/0", "X", "1 of 20"],
      ["dense3.zarr", "obs/cell_type/codes/c/0", "obs/cell_type", "1 of 1"],
      ["dense2.zarr", "obs/cell_type/codes/0", "obs/cell_type", "1 of 1"],
    ] as const) {
      const copy = await copyOf(name);
      await rm(join(copy, gone));
      const said = expect.stringMatching(
        new RegExp(`^${chunks} chunks of ${part} are not in the folder.*compare it.*\\.$`),
      ) as string;
      expect((await inspectH5ad(copy, resolver)).warnings).toContainEqual(said);
      const outDir = join(await temporaryFolder(), "atlas");
      const imported = await importAtlas({ source: copy, outDir }, resolver).catch(
        (thrown: unknown) => thrown,
      );
      expect(imported).toMatchObject({ warnings: expect.arrayContaining([said]) as string[] });
    }
  });

  it("is refused where row pointers are gone: their cells would have those of others", async () => {
    for (const [name, gone] of [
      ["csr3.zarr", "X/indptr/c/0"],
      ["csr2.zarr", "X/indptr/0"],
    ] as const) {
      const copy = await copyOf(name);
      await rm(join(copy, gone));
      expect(await refusal(copy)).toMatch(/^FILE_DAMAGED .*is not complete/);
    }
  });

  it("is refused where a chunk is damaged, or declares more than it can hold", async () => {
    const path = await copyOf("csr2.zarr");
    const chunk = await readFile(join(path, "X/data/0"));
    const rubbish = Buffer.from(chunk).fill(0x55, 20);
    for (const damaged of ["no chunk", chunk.subarray(0, chunk.length - 5), rubbish]) {
      await writeFile(join(path, "X/data/0"), damaged);
      expect(await refusal(path)).toMatch(/^FILE_DAMAGED .*cannot be read/);
    }
    const large = await copyOf("dense2.zarr");
    const meta = `{"zarr_format":2,"shape":[1000000000,31],"chunks":[1000000000,31],"dtype":"<f4","compressor":null,"fill_value":0,"order":"C","filters":null}`;
    await writeFile(join(large, "X/.zarray"), meta);
    expect(await refusal(large)).toMatch(/^FILE_DAMAGED X in .* declares 31000000000 values/);
  });

  it("is read or refused by name when any of its files is damaged", async () => {
    const compute = processCompute<typeof tasks>({
      filename: new URL("../damaged-reading.ts", import.meta.url),
      processes: 1,
      limitMinutes: 0.25,
      limits: { readAll: { gigabytes: { value: 1, variable: "INSPECT_GB" } } },
    });
    onTestFinished(() => compute.close());
    const outcomes = new Map<string, number>();
    for (const [at, name] of ["csr2.zarr", "csr3.zarr", "dense3.zarr"].entries()) {
      const path = await copyOf(name);
      const files = filesBelow(path);
      for (const [n, file] of fc
        .sample(fc.constantFrom(...files), { numRuns: 120, seed: at })
        .entries()) {
        const whole = await readFile(file);
        if (whole.length === 0) continue;
        const [change] = fc.sample(damage(whole.length), { numRuns: 1, seed: n });
        await writeFile(file, change!(Buffer.from(whole)));
        const outcome = await compute.run("readAll", path).then(
          () => "read",
          (thrown: unknown) => (thrown instanceof HaystackError ? thrown.code : String(thrown)),
        );
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        await writeFile(file, whole);
      }
    }
    const { read, ...refused } = Object.fromEntries(outcomes);
    expect(read).toBeGreaterThan(30);
    expect(Object.keys(refused).toSorted()).toEqual([
      "ANNDATA_INVALID",
      "ANNDATA_UNSUPPORTED",
      "FILE_DAMAGED",
    ]);
    expect(refused["FILE_DAMAGED"]).toBeGreaterThan(30);
  });

  it("reads no file outside of the folder", async () => {
    const path = await copyOf("dense2.zarr");
    await rm(join(path, "X/0.0"));
    await symlink(join(folder, "dense2.zarr/X/0.0"), join(path, "X/0.0"));
    expect(await refusal(path)).toMatch(/^ANNDATA_UNSUPPORTED X\/0\.0 .* link to another place/);
  });
});

it("a zarr folder without AnnData, or with nothing that can be read, is called so", async () => {
  const path = join(await temporaryFolder(), "none.zarr");
  await mkdir(path);
  await writeFile(join(path, ".zgroup"), `{"zarr_format":2}`);
  expect(await refusal(path)).toMatch(/^ANNDATA_INVALID .*without obs/);
  await writeFile(join(path, ".zgroup"), "{");
  expect(await refusal(path)).toMatch(/^FILE_DAMAGED .*zarr folder that cannot be read/);
});
