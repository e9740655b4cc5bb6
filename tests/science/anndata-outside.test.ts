import { mkdtempSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type H5adFile, openH5ad } from "../../science/anndata/open.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { inspectH5ad } from "../../science/atlas/inspect.ts";
import { describeWithPython, runPython } from "../support/python.ts";

const resolver = { cellOntologyId: () => null, perturbationId: () => null };

/** Files that name another one as the place of their data, by every means that HDF5 has. */
const MAKE = `
import json, sys, warnings
warnings.simplefilter("ignore")
import anndata as ad, h5py, numpy as np, pandas as pd
folder = json.loads(sys.argv[1])["folder"]
obs = pd.DataFrame({"perturbation": ["control", "IFN-beta"] * 4, "cell_type": ["B cell"] * 8}, index=[f"c{i}" for i in range(8)])
a = ad.AnnData(np.arange(32, dtype="f4").reshape(8, 4), obs=obs, var=pd.DataFrame(index=["ISG15", "CD3D", "MS4A1", "ACTB"]))
a.write_h5ad(f"{folder}/other.h5ad")
def new(name):
    a.write_h5ad(f"{folder}/{name}.h5ad")
    return h5py.File(f"{folder}/{name}.h5ad", "r+")
def matrix(dataset):
    dataset.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
for target in ("other.h5ad", f"{folder}/other.h5ad"):
    kind = "absolute" if target.startswith("/") else "relative"
    with new(f"column-link-{kind}") as f:
        del f["obs/cell_type"]; f["obs/cell_type"] = h5py.ExternalLink(target, "/obs/cell_type")
    with new(f"frame-link-{kind}") as f:
        del f["obs"]; f["obs"] = h5py.ExternalLink(target, "/obs")
    with new(f"virtual-{kind}") as f:
        del f["X"]; layout = h5py.VirtualLayout((8, 4), dtype="f4"); layout[:] = h5py.VirtualSource(target, "X", shape=(8, 4))
        matrix(f.create_virtual_dataset("X", layout))
with new("storage") as f:
    del f["X"]; matrix(f.create_dataset("X", (8, 4), dtype="f4", external=[(f"{folder}/secret.txt", 0, 128)]))
with new("pipe") as f:
    import os; os.mkfifo(f"{folder}/fifo")
    del f["X"]; matrix(f.create_dataset("X", (8, 4), dtype="f4", external=[(f"{folder}/fifo", 0, 128)]))
with new("soft") as f:
    f["obs/again"] = h5py.SoftLink("/obs/cell_type")
with new("unused") as f:
    f["obsm/elsewhere"] = h5py.ExternalLink("other.h5ad", "/X")
with new("vast") as f:
    del f["X"]; matrix(f.create_dataset("X", (8, 10**9), dtype="f8", chunks=(1, 10**6)))
with new("vast-index") as f:
    del f["obs/_index"]; f.create_dataset("obs/_index", (10**9,), dtype=h5py.string_dtype(), chunks=(10**6,))
with new("cycle") as f:
    f["uns/a/b"] = 1; f["uns/a/again"] = f["uns"]; f["uns/again"] = f["uns"]
print("{}")
`;

describeWithPython("a file gives its own data, no other file's and no more than it holds", () => {
  const folder = mkdtempSync(join(tmpdir(), "haystack-outside-"));
  beforeAll(async () => {
    await writeFile(join(folder, "secret.txt"), "root:x:0:0:root:/root:/bin/bash\n".repeat(8));
    await runPython(MAKE, { folder });
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    "column-link-relative",
    "column-link-absolute",
    "frame-link-relative",
    "frame-link-absolute",
    "virtual-relative",
    "virtual-absolute",
    "storage",
    "pipe",
  ])("%s", async (name) => {
    const source = join(folder, `${name}.h5ad`);
    const isElsewhere = expect.objectContaining({
      code: "ANNDATA_UNSUPPORTED",
      message: expect.stringMatching(
        /refers to (?:another file|other data \(a virtual dataset\)), and those are not read; write the file again with all of its data inside/,
      ),
    });
    await expect(
      importAtlas({ source, outDir: join(folder, `${name}.atlas`) }, resolver),
    ).rejects.toEqual(isElsewhere);
    const seen = await inspectH5ad(source).then(JSON.stringify, (thrown: Error) => thrown.message);
    expect(seen).toMatch(/refers to (?:another file|other data)/);
  });

  it.each(["soft", "unused"])("%s links stop nothing", async (name) => {
    const source = join(folder, `${name}.h5ad`);
    const index = await importAtlas({ source, outDir: join(folder, `${name}.atlas`) }, resolver);
    expect(index.n_cells).toBe(8);
  });

  it("one refusal is not taken for the next file's", async () => {
    const of = async (name: string): Promise<H5adFile> => openH5ad(join(folder, `${name}.h5ad`));
    const storage = await of("storage");
    const whole = await of("other");
    expect(() => storage.rows(storage.slots[0]!, 0, 8)).toThrow(/refers to another file/);
    expect(Array.from(whole.rows(whole.slots[0]!, 1, 2).data)).toEqual([4, 5, 6, 7]);
    storage.close();
    whole.close();
  });

  it.each([
    ["vast", "FILE_DAMAGED", /X in \S+ declares 8000000000 values, more than a file of \d+ bytes/],
    [
      "vast-index",
      "FILE_DAMAGED",
      /obs\/_index in \S+ declares 1000000000 values, more than a file of \d+ bytes can hold/,
    ],
  ])("%s: what cannot be in a file of its size is not made room for", async (name, code, why) => {
    const source = join(folder, `${name}.h5ad`);
    await expect(
      importAtlas({ source, outDir: join(folder, `${name}.atlas`) }, resolver),
    ).rejects.toEqual(expect.objectContaining({ code, message: expect.stringMatching(why) }));
  });

  it("groups of uns that contain each other are read to an end", async () => {
    const file = await openH5ad(join(folder, "cycle.h5ad"));
    expect((file.uns()["a"] as Record<string, unknown>)["b"]).toBe(1);
    file.close();
  });

  it("a pipe is called what it is, and not waited for", async () => {
    const pipe = join(folder, "fifo");
    await expect(openH5ad(pipe)).rejects.toEqual(
      expect.objectContaining({
        code: "FILE_NOT_HDF5",
        message: `${pipe} is a pipe or a device, not a file; save its contents as an .h5ad file.`,
      }),
    );
  });
});
