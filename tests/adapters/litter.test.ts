import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { describeWith } from "../support/describe-with.ts";
import { PROCESSES } from "../support/real-parts.ts";
import { answerCache, removeLitter } from "../../adapters/litter.ts";
import { loadConfig } from "../../config.ts";
import { folderCache } from "../../services/http/answer-cache.ts";
import { temporaryFolder } from "../services/temporary-folder.ts";

const DAY_MS = 86_400_000;

/** A process that makes a scratch folder, tells a name of its own, and waits. */
async function writer(root: string) {
  const source = `
    import { directoryObjects } from ${JSON.stringify(join(import.meta.dirname, "../../services/objects/directory/store.ts"))};
    import { unfinishedName } from ${JSON.stringify(join(import.meta.dirname, "../../unfinished.ts"))};
    await directoryObjects({ root: ${JSON.stringify(root)} }).scratch();
    console.log(unfinishedName());
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [name] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return {
    name,
    async kill() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

describeWith(PROCESSES)("beside other processes", () => {
  test("what a killed process left unfinished goes at once, what a living one is making stays", async () => {
    const dataDir = await temporaryFolder();
    const config = loadConfig({}, dataDir);
    const scratch = join(dataDir, "objects", ".scratch");
    const [killed, living] = [
      await writer(join(dataDir, "objects")),
      await writer(join(dataDir, "objects")),
    ];
    const put = async (folder: string, nameOf: (name: string) => string): Promise<string> => {
      await mkdir(folder, { recursive: true });
      for (const { name } of [killed, living]) await writeFile(join(folder, nameOf(name)), "half");
      return folder;
    };
    const folders = [
      scratch,
      await put(join(dataDir, "mail"), (name) => `.${name}.part`),
      await put(join(dataDir, "batch", "drafts"), (name) => `hs-a-i1-p-a1.${name}`),
      await put(join(dataDir, "cache", "literature", "ab"), (name) => `x.json.${name}.tmp`),
      await put(join(dataDir, "cache", "look-ups", "ab"), (name) => `x.json.${name}.tmp`),
    ];
    await writeFile(join(dataDir, "mail", "a.run_completed.1.eml"), "whole");
    await killed.kill();
    await removeLitter(config);
    const process = living.name.slice(0, living.name.indexOf("."));
    for (const folder of folders) {
      const left = (await readdir(folder)).filter((name) => name !== "a.run_completed.1.eml");
      expect({ folder, left }).toEqual({ folder, left: [expect.stringContaining(process)] });
    }
    expect(await readdir(join(dataDir, "mail"))).toContain("a.run_completed.1.eml");
  });
});

test("what cannot be told to be another machine's goes after three days", async () => {
  const dataDir = await temporaryFolder();
  const drafts = join(dataDir, "batch", "drafts");
  await mkdir(drafts, { recursive: true });
  const elsewhere = "0123abcd-1-1.00000000-0000-4000-8000-000000000000";
  const put = async (name: string, days: number): Promise<void> => {
    await writeFile(join(drafts, name), "half");
    const at = new Date(Date.now() - days * DAY_MS);
    await utimes(join(drafts, name), at, at);
  };
  await put(`young.${elsewhere}`, 2.9);
  await put(`old.${elsewhere}`, 3.1);
  await put("of-an-earlier-release", 3.1);
  await removeLitter(loadConfig({}, dataDir));
  expect(await readdir(drafts)).toEqual([`young.${elsewhere}`]);
});

test("answers of databases go when they are too old to be given, also of databases that are not asked any more", async () => {
  const dataDir = await temporaryFolder();
  const config = loadConfig({ LITERATURE_CACHE_DAYS: "2" }, dataDir);
  for (const kind of ["literature", "look-ups"] as const) {
    const { cacheFolder, cacheMs } = answerCache(config, kind);
    const cache = folderCache({ folder: cacheFolder, maxAgeMs: cacheMs, now: Date.now });
    for (const address of ["https://example.org/old", "https://example.org/new"])
      await cache.write(address, address);
    const fileOf = async (address: string): Promise<string> => {
      for (const shelf of await readdir(cacheFolder, { recursive: true, withFileTypes: true })) {
        const file = join(shelf.parentPath, shelf.name);
        if (shelf.isFile() && (await readFile(file, "utf8")).includes(address)) return file;
      }
      throw new Error(`${address} was not cached.`);
    };
    const old = await fileOf("https://example.org/old");
    const at = new Date(Date.now() - 2.1 * DAY_MS);
    await utimes(old, at, at);
    await removeLitter(config);
    expect(await readdir(dirname(old))).not.toContain(old.slice(dirname(old).length + 1));
    expect(await cache.read("https://example.org/new")).toBe("https://example.org/new");
  }
});

test("litter that cannot be removed keeps no other, and is told of", async () => {
  const dataDir = await temporaryFolder();
  const config = loadConfig({}, dataDir);
  const { cacheFolder } = answerCache(config, "literature");
  await mkdir(cacheFolder, { recursive: true });
  await writeFile(join(cacheFolder, "aa"), "a file where a folder belongs");
  const drafts = join(dataDir, "batch", "drafts");
  await mkdir(drafts, { recursive: true });
  const old = join(drafts, "of-an-earlier-release");
  await writeFile(old, "half");
  const at = new Date(Date.now() - 4 * DAY_MS);
  await utimes(old, at, at);
  await expect(removeLitter(config)).rejects.toMatchObject({ code: "ENOTDIR" });
  expect(await readdir(drafts)).toEqual([]);
});
