import { truncateSync, writeFileSync } from "node:fs";
import { copyFile, readdir } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { haystack } from "../support/command-line.ts";
import { describeWithData, KANG, PBMC68K } from "../support/data.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";

async function refused(args: readonly string[], dataDir: string): Promise<string> {
  const outcome = await haystack([...args, "--data-dir", dataDir, "--json"]);
  const { message } = JSON.parse(outcome.stdout) as { message: string };
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toBe(`haystack: ${message}\n`);
  expect(outcome.stderr).not.toMatch(/\n\s+at /);
  const atlases = join(dataDir, "objects", "atlases");
  const scratch = join(dataDir, "objects", ".scratch");
  expect(existsSync(atlases) ? await readdir(atlases) : []).toEqual([]);
  expect(existsSync(scratch) ? await readdir(scratch) : []).toEqual([]);
  return message;
}

const spoil = async (folder: string, change: (data: AnnData) => AnnData): Promise<string> => {
  const file = join(folder, "spoilt.h5ad");
  await writeH5ad(file, change(await readH5ad(KANG)));
  return file;
};

const withFirstGeneTwice = (data: AnnData): AnnData => ({
  ...data,
  var: {
    index: data.var.index.map((_, row) => `gene-${row}`),
    columns: { gene_symbols: data.var.index.with(1, data.var.index[0] ?? "") },
  },
});

describeWithData("bad input gets one sentence, exit 2, and leaves nothing behind", () => {
  test("a missing file", async () => {
    expect(
      await refused(["run", QUESTION, "--atlas", "nowhere.h5ad"], await temporaryFolder()),
    ).toContain("nowhere.h5ad");
  });

  test("a column without the value that is to be imported", async () => {
    const only = (value: string) => ["atlas", "import", KANG, "--only", value];
    const folder = await temporaryFolder();
    expect(await refused(only("donor_id"), folder)).toContain("as in --only genotype=WT");
    expect(await refused(only("donor_id=7"), folder)).toContain(
      'Column "donor_id" has no value "7"; its values are: 101, 107',
    );
    expect(await refused(only("donor=101"), folder)).toContain("donor");
  });

  test("a file that is not HDF5", async () => {
    const folder = await temporaryFolder();
    const file = join(folder, "table.h5ad");
    writeFileSync(file, "gene,cell\n1,2\n");
    expect(await refused(["run", QUESTION, "--atlas", file], join(folder, "data"))).toMatch(
      /is text; .*convert it/,
    );
  });

  test("a truncated file", async () => {
    const folder = await temporaryFolder();
    const file = join(folder, "cut.h5ad");
    await copyFile(KANG, file);
    truncateSync(file, 700_000);
    expect(await refused(["run", QUESTION, "--atlas", file], join(folder, "data"))).toMatch(
      /damaged|truncated|cut/i,
    );
  });

  test("a column that is not there", async () => {
    expect(
      await refused(
        ["run", QUESTION, "--atlas", KANG, "--perturbation-column", "treatment"],
        await temporaryFolder(),
      ),
    ).toMatch(/treatment.*perturbation/s);
  });

  test("a group without cells", async () => {
    const folder = await temporaryFolder();
    const outcome = await haystack([
      "validate",
      "--atlas",
      KANG,
      "--cell-type",
      "B cells",
      "--perturbation",
      "IL-4",
      "--data-dir",
      folder,
      "--json",
    ]);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toMatch(/^haystack: .*IL-4.*IFN-beta.*\n$/);
  });

  test.each([
    ["negative", -1],
    ["NaN", Number.NaN],
  ])("%s counts", async (_, value) => {
    const folder = await temporaryFolder();
    const file = await spoil(folder, (data) => ({
      ...data,
      X: { ...data.X, data: data.X.data.with(5, value) },
    }));
    expect(await refused(["run", QUESTION, "--atlas", file], join(folder, "data"))).toMatch(
      /count|NaN|negative/i,
    );
  });

  test("duplicate genes", async () => {
    const folder = await temporaryFolder();
    const file = await spoil(folder, withFirstGeneTwice);
    expect(
      await refused(["atlas", "import", file, "--repeated-genes", "refuse"], join(folder, "data")),
    ).toMatch(/duplicate|more than once|twice/i);
  });

  test("a data set without perturbations", async () => {
    const inspected = await haystack([
      "atlas",
      "inspect",
      PBMC68K,
      "--json",
      "--data-dir",
      await temporaryFolder(),
    ]);
    expect(inspected.code).toBe(0);
    expect(await refused(["run", QUESTION, "--atlas", PBMC68K], await temporaryFolder())).toMatch(
      /^No obs column .* contains the perturbation; name one with --perturbation-column/,
    );
  });

  test.each([
    ["an unknown cell type", "How would flurbocytes respond to IFN-beta?", /cell type/i],
    ["an unknown perturbation", "How would B cells respond to flurbinostatin?", /perturbation/i],
    ["an empty question", "   ", /question/i],
    ["a question of 100 kB", "How would B cells respond to IFN-beta? ".repeat(2_700), /question/i],
  ])("%s", async (_, question, pattern) => {
    const folder = await temporaryFolder();
    const outcome = await haystack([
      "run",
      question,
      "--atlas",
      KANG,
      "--data-dir",
      folder,
      "--json",
    ]);
    expect(outcome.stderr).toMatch(/^haystack: [^\n]+\n$/);
    expect(outcome.stderr).toMatch(pattern);
    expect(outcome.code).toBe(2);
    const listed = await haystack(["list", "--data-dir", folder, "--json"]);
    expect(JSON.parse(listed.stdout)).toEqual({ runs: [] });
  });

  test.each([
    [["run"]],
    [["run", QUESTION, "--seed", "x"]],
    [["run", QUESTION, "--max-iterations", "0"]],
    [["dance"]],
    [["status", "no-such-run"]],
  ])("wrong usage: %j", async (args) => {
    const outcome = await haystack([
      ...args,
      ...(args[0] === "dance" ? [] : ["--data-dir", await temporaryFolder()]),
    ]);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).not.toMatch(/\n\s+at /);
  });
});
