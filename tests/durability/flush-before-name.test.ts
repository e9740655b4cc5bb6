import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { writeH5ad } from "../../science/anndata/write.ts";
import { createFile, createFolder } from "../../services/batch/local/durable.ts";
import { directoryObjects } from "../../services/objects/directory/store.ts";

import { temporaryFolder } from "../support/hosted-runs.ts";
import { adataOf } from "../support/kang.ts";

/**
 * A file that appears under its name is on disk by then: after a loss of power a name with empty or
 * half content would pass for the real thing.
 */

interface Named {
  readonly to: string;
  /** Files with the name that were not flushed by then. */
  readonly unflushed: readonly string[];
  folderFlushed: boolean;
}
const disk = vi.hoisted(() => ({ flushed: new Set<string>(), named: [] as Named[] }));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const named =
    (name: typeof real.rename): typeof real.rename =>
    async (from, to) => {
      const file = String(from);
      const files = (await real.lstat(file)).isDirectory()
        ? [file, ...(await real.readdir(file)).map((child) => `${file}/${child}`)]
        : [file];
      await name(from, to);
      disk.named.push({
        to: String(to),
        unflushed: files.filter((path) => !disk.flushed.has(path)),
        folderFlushed: false,
      });
    };
  return {
    ...real,
    async open(path: string, ...options: [string?, number?]) {
      const handle = await real.open(path, ...options);
      const sync = handle.sync.bind(handle);
      handle.sync = async () => {
        await sync();
        disk.flushed.add(path);
        for (const done of disk.named)
          if (done.to.startsWith(`${path}/`)) done.folderFlushed = true;
      };
      return handle;
    },
    rename: named(real.rename),
    link: named(real.link),
  };
});

beforeEach(() => {
  disk.flushed.clear();
  disk.named.length = 0;
});

test.each<[string, (folder: string) => Promise<string>]>([
  [
    "an object from a file",
    async (folder) => {
      const source = join(folder, "source");
      await writeFile(source, "content");
      await directoryObjects({ root: folder }).put("a/b", source);
      return join(folder, "a/b");
    },
  ],
  [
    "an object from text",
    async (folder) => {
      await directoryObjects({ root: folder }).putText("a/b", "content");
      return join(folder, "a/b");
    },
  ],
  [
    "a file about a job",
    async (folder) => {
      await mkdir(join(folder, "drafts"));
      const target = join(folder, "job.json");
      await createFile(join(folder, "drafts"), "job", target, { state: "QUEUED" });
      return target;
    },
  ],
  [
    "a folder about a job",
    async (folder) => {
      await mkdir(join(folder, "drafts"));
      const target = join(folder, "job");
      await createFolder(join(folder, "drafts"), "job", target, { "a.json": 1, "b.json": 2 });
      expect((await readdir(target)).toSorted()).toEqual(["a.json", "b.json"]);
      return target;
    },
  ],
])("%s is flushed before it has its name, and its folder after", async (_, write) => {
  const target = await write(await temporaryFolder());
  expect(disk.named).toEqual([{ to: target, unflushed: [], folderFlushed: true }]);
  expect(disk.flushed).toContain(dirname(target));
});

test("an AnnData file is flushed before it has its name", async () => {
  const target = join(await temporaryFolder(), "cells.h5ad");
  await writeH5ad(target, adataOf([[1, 2]], ["A", "B"]));
  expect(disk.named.map(({ to, unflushed }) => [basename(to), unflushed])).toEqual([
    ["cells.h5ad", []],
  ]);
  expect((await readFile(target)).length).toBeGreaterThan(0);
});
