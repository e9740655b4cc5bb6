import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createHdf5 } from "../../../science/anndata/hdf5-create.ts";
import { openH5ad } from "../../../science/anndata/open.ts";
import { writeH5ad } from "../../../science/anndata/write.ts";
import { smallAtlas, temporaryFolder } from "../anndata-files.ts";

const openingOf = async (path: string): Promise<Error> => {
  const failed: unknown = await openH5ad(path).catch((thrown: unknown) => thrown);
  expect(failed).toBeInstanceOf(Error);
  return failed as Error;
};

describe("what is no .h5ad is called what it is", () => {
  it.each<[string, string, string | Buffer, RegExp]>([
    [
      "a git-lfs pointer",
      "a.h5ad",
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
      /is a git-lfs pointer.*git lfs pull --include a\.h5ad/,
    ],
    ["an HTML page", "a.h5ad", "<!DOCTYPE html><html><body>404</body></html>", /is an HTML page/],
    ["a page without a head", "a.h5ad", "\n<html lang=en>Sign in", /is an HTML page/],
    [
      "an S3 error",
      "a.h5ad",
      '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
      /is an XML message/,
    ],
    ["a JSON error", "a.h5ad", '{"message":"rate limit"}', /is JSON, perhaps the error/],
    ["zip", "a.h5ad", Buffer.from([0x50, 0x4b, 3, 4, 0]), /a zip archive; unpack it first: unzip/],
    ["xz", "a.h5ad", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), /compressed with xz/],
    ["zstd", "a.h5ad", Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]), /compressed with zstd/],
    ["an R object", "a.rds", gzipSync("X\n"), /is an R object; write it from R: zellkonverter/],
    ["Matrix Market", "a.mtx", "%%MatrixMarket matrix coordinate\n", /scanpy\.read_mtx/],
    ["a table", "a.csv", "cell,ISG15\nc1,2\n", /is text.*anndata\.io\.read_csv/],
    [
      "zeros",
      "a.h5ad",
      Buffer.alloc(4096),
      /begins with zeros, as a download that has not finished/,
    ],
    ["nothing", "a.h5ad", "", /is empty/],
  ])("%s", async (_, name, content, message) => {
    const path = join(await temporaryFolder(), name);
    await writeFile(path, content);
    const thrown = await openingOf(path);
    expect(thrown).toMatchObject({ code: "FILE_NOT_HDF5" });
    expect(thrown.message).toMatch(message);
  });

  it.each([
    ["matrix.mtx.gz", /is a 10x folder.*scanpy\.read_10x_mtx/],
    ["notes.txt", /is a folder; use the \.h5ad file in it/],
  ])("a folder with %s", async (name, message) => {
    const folder = join(await temporaryFolder(), "it");
    await mkdir(folder);
    await writeFile(join(folder, name), "{}");
    expect((await openingOf(folder)).message).toMatch(message);
  });

  it("a partial download says how much is missing", async () => {
    const path = join(await temporaryFolder(), "a.h5ad");
    await writeH5ad(path, smallAtlas());
    const { readFile } = await import("node:fs/promises");
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, 5000));
    const thrown = await openingOf(path);
    expect(thrown).toMatchObject({ code: "FILE_DAMAGED" });
    expect(thrown.message).toContain(`it has 5000 of ${whole.length} bytes`);
  });

  it.each([
    ["loom", { row_attrs: ["Gene"], col_attrs: ["CellID"] }, /is a \.loom file without its matrix/],
    ["10x", { matrix: ["barcodes", "data"] }, /is a 10x \.h5 file without parts of its matrix/],
    ["h5Seurat", { assays: ["RNA"], "cell.names": [] }, /is an h5Seurat file.*SeuratDisk/],
    ["another", { stuff: ["x"] }, /without obs, so it is not AnnData/],
  ])("HDF5 of %s", async (_, groups, message) => {
    const path = join(await temporaryFolder(), "a.h5");
    await createHdf5(path, (root) => {
      for (const [name, members] of Object.entries(groups)) {
        const group = root.create_group(name);
        for (const member of members) group.create_group(member);
      }
    });
    const thrown = await openingOf(path);
    expect(thrown).toMatchObject({ code: "ANNDATA_INVALID" });
    expect(thrown.message).toMatch(message);
  });
});
