import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it, onTestFinished, vi } from "vitest";
import { openH5ad } from "../../../science/anndata/open.ts";
import { readH5ad } from "../../../science/anndata/read.ts";
import { writeH5ad } from "../../../science/anndata/write.ts";
import { importAtlas } from "../../../science/atlas/import.ts";
import { inspectH5ad } from "../../../science/atlas/inspect.ts";
import { readGroup } from "../../../science/atlas/read-group.ts";
import { loadKnowledge } from "../../../science/knowledge/load.ts";
import { labelResolver } from "../../../science/knowledge/resolve.ts";
import { temporaryFolder } from "../../support/hosted-runs.ts";
import { useOwnTmpdir } from "../../support/own-tmpdir.ts";
import { describeWithPython, runPython } from "../../support/python.ts";
import { dense, smallAtlas } from "../anndata-files.ts";

useOwnTmpdir();

const resolver = labelResolver(loadKnowledge());
const leftovers = async () =>
  (await readdir(tmpdir())).filter((name) => name.startsWith("haystack-unpacked-"));

/** An AnnData file compressed as a whole. */
async function gzipped(): Promise<{ readonly plain: string; readonly gz: string }> {
  const folder = await temporaryFolder();
  const plain = join(folder, "a.h5ad");
  await writeH5ad(plain, smallAtlas());
  const gz = `${plain}.gz`;
  await writeFile(gz, gzipSync(await readFile(plain)));
  return { plain, gz };
}

const refusal = (path: string, modality?: string) =>
  openH5ad(path, modality).then(
    (file) => (file.close(), expect.unreachable(`${path} was opened`)),
    (thrown: { code: string; message: string }) => ({
      code: thrown.code,
      message: thrown.message.replaceAll(path, "FILE"),
    }),
  );

it("a file compressed with gzip is read as the file inside, and nothing is left behind", async () => {
  const { plain, gz } = await gzipped();
  const before = await leftovers();
  expect(await readH5ad(gz)).toEqual(await readH5ad(plain));
  const outDir = join(await temporaryFolder(), "atlas");
  const { dataset, source_file, source_sha256 } = await importAtlas(
    { source: gz, outDir },
    resolver,
  );
  expect({ dataset, source_file, source_sha256 }).toEqual({
    dataset: "a",
    source_file: "a.h5ad.gz",
    source_sha256: createHash("sha256")
      .update(await readFile(gz))
      .digest("hex"),
  });
  expect(await leftovers()).toEqual(before);
});

it.each([
  ["a table", gzipSync("gene,a,b\nx,1,2\n"), "FILE_NOT_HDF5", /gzip; what is inside .* is text/],
  ["nothing", gzipSync(""), "FILE_DAMAGED", /gzip and holds nothing/],
  ["gzip again", gzipSync(gzipSync("x")), "FILE_NOT_HDF5", /gzip a second time/],
  ["no gzip after its first bytes", Buffer.from([0x1f, 0x8b, 1, 2, 3]), "FILE_DAMAGED", /unpacked/],
])("a file compressed with gzip that holds %s is called that", async (_, bytes, code, message) => {
  const path = join(await temporaryFolder(), "a.csv.gz");
  await writeFile(path, bytes);
  const before = await leftovers();
  expect(await refusal(path)).toEqual({ code, message: expect.stringMatching(message) });
  expect(await leftovers()).toEqual(before);
});

it("a compressed file cut short is damaged", async () => {
  const { gz } = await gzipped();
  const whole = await readFile(gz);
  await writeFile(gz, whole.subarray(0, whole.length / 2));
  expect(await refusal(gz)).toEqual({
    code: "FILE_DAMAGED",
    message: "FILE is compressed with gzip and cannot be unpacked; copy or download it again.",
  });
});

it("what a killed process left of its unpacking is removed by the next, what is under way is not", async () => {
  const { gz } = await gzipped();
  const own = tmpdir();
  vi.stubEnv("TMPDIR", await temporaryFolder());
  onTestFinished(() => void vi.stubEnv("TMPDIR", own));
  for (const name of ["haystack-unpacked-left", "haystack-unpacked-new", "others"])
    await mkdir(join(tmpdir(), name));
  const twoDaysAgo = Date.now() / 1_000 - 2 * 24 * 60 * 60;
  for (const name of ["haystack-unpacked-left", "others"])
    await utimes(join(tmpdir(), name), twoDaysAgo, twoDaysAgo);
  await readH5ad(gz);
  expect((await readdir(tmpdir())).toSorted()).toEqual(["haystack-unpacked-new", "others"]);
});

it("a compressed file that would fill the disk is given up", async () => {
  const signature = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);
  const path = join(await temporaryFolder(), "a.h5ad.gz");
  await writeFile(path, gzipSync(Buffer.concat([signature, Buffer.alloc(50_000_000)])));
  expect((await stat(path)).size).toBeLessThan(100_000);
  expect(await refusal(path)).toEqual({
    code: "FILE_DAMAGED",
    message:
      "FILE is compressed with gzip and unpacks to more than 100 times its size; copy or download it again.",
  });
  expect(await leftovers()).toEqual([]);
});

const MUDATA = `
import json, sys, warnings
warnings.simplefilter("ignore")
import anndata as ad, mudata, numpy as np, pandas as pd
given = json.loads(sys.argv[1])
cells = [f"c{i}" for i in range(24)]
x = np.arange(24 * 5, dtype="f4").reshape(24, 5) % 7
rna = ad.AnnData(x, obs=pd.DataFrame({"cell_type": ["B cell", "T cell"] * 12}, index=cells), var=pd.DataFrame(index=["ISG15", "CD3D", "MS4A1", "ACTB", "B2M"]))
other = cells[::-1][:20]
prot = ad.AnnData(np.ones((20, 2), dtype="f4"), obs=pd.DataFrame({"depth": range(20)}, index=other), var=pd.DataFrame(index=["CD3", "CD19"]))
for path, (one, two) in given["paths"].items():
    m = mudata.MuData({one: rna, two: prot})
    by_name = pd.Series((["control"] * 2 + ["IFN-beta"] * 2) * 6, index=cells)
    m.obs["perturbation"] = pd.Categorical(by_name.loc[m.obs_names].to_numpy())
    m.write(path)
print(json.dumps({"x": x.tolist(), "order": list(m.obs_names)}))
`;

describeWithPython("MuData", () => {
  it("its RNA is read, with the columns that it has for all modalities", async () => {
    const folder = await temporaryFolder();
    const [path, strange] = [join(folder, "a.h5mu"), join(folder, "b.h5mu")];
    const { x } = await runPython<{ x: number[][] }>(MUDATA, {
      paths: { [path]: ["rna", "prot"], [strange]: ["one", "two"] },
    });

    const index = await importAtlas({ source: path, outDir: join(folder, "atlas") }, resolver);
    expect(index.dataset).toBe("a");
    expect(index.columns).toMatchObject({ cell_type: "cell_type", perturbation: "perturbation" });
    const cells = index.groups.map(({ cell_type, perturbation, n_cells }) =>
      [cell_type, perturbation, n_cells].join(),
    );
    expect(cells.toSorted()).toEqual([
      "B cell,IFN-beta,6",
      "B cell,control,6",
      "T cell,IFN-beta,6",
      "T cell,control,6",
    ]);
    for (const group of index.groups) {
      const { counts, names } = await readGroup(join(folder, "atlas"), group);
      expect(dense(counts)).toEqual(names.map((name) => x[Number(name.slice(1))]));
    }

    expect((await inspectH5ad(path)).modality).toBe("rna");
    expect(index.told).toEqual({ modality: "rna" });
    expect((await inspectH5ad(path, undefined, "prot")).n_vars).toBe(2);

    const prot = await openH5ad(path, "prot");
    expect([prot.nObs, prot.nVars, prot.columns("obs").map(({ name }) => name)]).toEqual([
      20,
      2,
      ["depth", "perturbation"],
    ]);
    prot.close();

    expect([await refusal(strange), await refusal(path, "rna2")]).toEqual([
      {
        code: "ANNDATA_INVALID",
        message:
          "FILE is MuData (.h5mu) with the modalities one, two, and which of them is RNA cannot be told; name one with --modality.",
      },
      {
        code: "ANNDATA_INVALID",
        message:
          'FILE is MuData (.h5mu) with the modalities prot, rna, and none is called "rna2"; name one with --modality.',
      },
    ]);
  });
});

it("--modality with AnnData is refused", async () => {
  const { plain } = await gzipped();
  expect(await refusal(plain, "rna")).toEqual({
    code: "ANNDATA_INVALID",
    message: "FILE has no modalities, as it is not MuData (.h5mu); leave --modality out.",
  });
});
