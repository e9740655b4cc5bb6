import { chmod, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { processCompute } from "../../services/compute/processes.ts";
import type { ContractTasks } from "../services/compute.contract.ts";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const withCache = (folder: string, args: readonly string[] = ["--version"]) =>
  haystack(args, { env: { NODE_COMPILE_CACHE: "", XDG_CACHE_HOME: folder } });

const filesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true })).toSorted();

test("what is compiled is kept in a folder of the user's own, and found again, by threads too", async () => {
  const folder = await temporaryFolder();
  const list = ["list", "--data-dir", await temporaryFolder()];
  expect(await withCache(folder, list)).toMatchObject({ code: 0 });
  const kept = await filesIn(join(folder, "haystack"));
  expect((await stat(join(folder, "haystack"))).mode & 0o777).toBe(0o700);
  const { code, stdout, stderr } = await haystack(list, {
    env: { NODE_COMPILE_CACHE: "", XDG_CACHE_HOME: folder, NODE_DEBUG_NATIVE: "COMPILE_CACHE" },
  });
  expect(code).toBe(0);
  expect(stdout + stderr).toMatch(/sqlite\/thread\.ts was accepted/);
  expect(await filesIn(join(folder, "haystack"))).toEqual(kept);
});

test("a folder that others can write to is left alone", async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "haystack"));
  await chmod(join(folder, "haystack"), 0o777);
  expect(await withCache(folder)).toMatchObject({ code: 0, stderr: "" });
  expect(await filesIn(join(folder, "haystack"))).toEqual([]);
});

test("where no folder can be made nothing is kept, and nothing said", async () => {
  const file = join(await temporaryFolder(), "file");
  await writeFile(file, "");
  expect(await withCache(file)).toMatchObject({ code: 0, stderr: "" });
});

test("a process of tasks keeps what it compiled before it is killed", async () => {
  const folder = await temporaryFolder();
  vi.stubEnv("NODE_COMPILE_CACHE", folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  const compute = processCompute<ContractTasks>({
    filename: new URL("../services/compute-tasks.ts", import.meta.url),
    processes: 1,
    limitMinutes: 1,
  });
  onTestFinished(() => compute.close());
  await compute.run("sum", Float32Array.of(20, 22));
  await expect.poll(() => filesIn(folder)).toContainEqual(expect.stringContaining("/"));
});
