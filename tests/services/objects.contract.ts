import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ObjectStore } from "../../services/objects/index.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

async function collect(paths: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const path of paths) all.push(path);
  return all;
}

/** What every object store keeps to. `make` gives a store over fresh, empty storage. */
export function objectsContract(adapter: string, make: () => Promise<ObjectStore>): void {
  const open = async (): Promise<ObjectStore> => {
    const objects = await make();
    onTestFinished(() => objects.close());
    return objects;
  };

  describe(`objects: ${adapter}`, () => {
    test("a stored file is read back with its hash", async () => {
      const objects = await open();
      const local = join(await temporaryFolder(), "a.txt");
      await writeFile(local, "counts");
      const ref = await objects.put("batch-io/run-1/iter_1/prompt.h5ad", local);
      expect(ref).toEqual({ path: "batch-io/run-1/iter_1/prompt.h5ad", sha256: sha256("counts") });
      expect(await readFile(await objects.fetch(ref), "utf8")).toBe("counts");
      expect(await readFile(await objects.fetch({ path: ref.path }), "utf8")).toBe("counts");
      const found = await objects.stat(ref.path);
      expect(found).toEqual({ path: ref.path, size: 6, version: expect.any(String) as string });
      expect(await objects.stat(ref.path)).toEqual(found);
    });

    test("the same content again is success, other content replaces", async () => {
      const objects = await open();
      const first = await objects.putText("results/log.json", "one");
      expect(await objects.putText("results/log.json", "one")).toEqual(first);
      const before = await objects.stat("results/log.json");
      const second = await objects.putText("results/log.json", "two");
      expect((await objects.stat("results/log.json"))?.version).not.toBe(before?.version);
      expect(second.sha256).toBe(sha256("two"));
      expect(await readFile(await objects.fetch(second), "utf8")).toBe("two");
      await expect(objects.fetch(first)).rejects.toMatchObject({ code: "OBJECT_DAMAGED" });
    });

    test("writers of one path at once leave one whole object", async () => {
      const objects = await open();
      const texts = Array.from({ length: 8 }, (_, index) => String(index).repeat(200_000));
      await Promise.all(texts.map((text) => objects.putText("results/contested", text)));
      expect(texts).toContain(
        await readFile(await objects.fetch({ path: "results/contested" }), "utf8"),
      );
    });

    test("absent objects are OBJECT_NOT_FOUND and have no stat; a folder is no object", async () => {
      const objects = await open();
      await objects.putText("a/b", "x");
      await expect(objects.fetch({ path: "a/c" })).rejects.toMatchObject({
        code: "OBJECT_NOT_FOUND",
      });
      await expect(objects.fetch({ path: "a" })).rejects.toMatchObject({
        code: "OBJECT_NOT_FOUND",
      });
      await expect(objects.fetch({ path: "a/b/c" })).rejects.toMatchObject({
        code: "OBJECT_NOT_FOUND",
      });
      expect(await objects.stat("a/c")).toBeUndefined();
      expect(await objects.stat("a")).toBeUndefined();
    });

    test("a removed object is gone, its neighbours stay, and removing again is no error", async () => {
      const objects = await open();
      const ref = await objects.putText("batch-io/r1/iter_1/a", "x");
      await objects.fetch(ref);
      for (const path of ["batch-io/r1/iter_1/ab", "batch-io/r1/b", "batch-io/r10/a"])
        await objects.putText(path, "y");
      for (const path of ["batch-io/r1/iter_1/a", "batch-io/r1/iter_1/a", "batch-io/r1", "none/x"])
        await objects.remove(path);
      expect(await objects.stat(ref.path)).toBeUndefined();
      await expect(objects.fetch(ref)).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
      expect(await collect(objects.list("batch-io/"))).toEqual([
        "batch-io/r1/b",
        "batch-io/r1/iter_1/ab",
        "batch-io/r10/a",
      ]);
      await objects.remove("batch-io/r1/iter_1/ab");
      await objects.putText("batch-io/r1/iter_1/c", "z");
      expect((await objects.stat("batch-io/r1/iter_1/c"))?.size).toBe(1);
      await expect(objects.remove("../x")).rejects.toMatchObject({ code: "OBJECT_PATH_INVALID" });
    });

    test("a missing local file is FILE_NOT_FOUND and stores nothing", async () => {
      const objects = await open();
      await expect(objects.put("a/b", join(await temporaryFolder(), "none"))).rejects.toMatchObject(
        { code: "FILE_NOT_FOUND" },
      );
      expect(await collect(objects.list(""))).toEqual([]);
    });

    test.each([
      "",
      "/etc/passwd",
      "../x",
      "a/../b",
      "a/./b",
      "a//b",
      "a/",
      "a\\b",
      "a\0b",
      "a\nb",
      "x/".repeat(600) + "x",
      "\uD800",
      ".scratch/x",
    ])("the path %j is refused", async (path) => {
      const objects = await open();
      const invalid = { code: "OBJECT_PATH_INVALID" };
      await expect(objects.putText(path, "x")).rejects.toMatchObject(invalid);
      await expect(objects.fetch({ path })).rejects.toMatchObject(invalid);
      await expect(objects.stat(path)).rejects.toMatchObject(invalid);
      expect(() => objects.location(path)).toThrow(expect.objectContaining(invalid));
    });

    test("names with spaces and letters of any script are kept", async () => {
      const objects = await open();
      const path = "atlas/T-Zellen (naïv)/β 1.h5ad";
      await objects.putText(path, "x");
      expect(await collect(objects.list("atlas/"))).toEqual([path]);
    });

    test("list gives the paths with the prefix, sorted", async () => {
      const objects = await open();
      const paths = ["a-b", "a.txt", "a/1", "a/10", "a/2/x", "ab", "b/1"];
      for (const path of paths.toReversed()) await objects.putText(path, path);
      expect(await collect(objects.list(""))).toEqual(paths);
      expect(await collect(objects.list("a/"))).toEqual(["a/1", "a/10", "a/2/x"]);
      expect(await collect(objects.list("a/1"))).toEqual(["a/1", "a/10"]);
      expect(await collect(objects.list("a"))).toEqual(paths.slice(0, -1));
      expect(await collect(objects.list("none/at/all"))).toEqual([]);
      for (const beginning of ["../", "a/../", "a//", "/a/", ".scratch/", "a\\b/"])
        expect(await collect(objects.list(beginning))).toEqual([]);
    });

    test("an aborted call is STEP_ABORTED and stores nothing", async () => {
      const objects = await open();
      await expect(objects.putText("a/b", "x", AbortSignal.abort())).rejects.toMatchObject({
        code: "STEP_ABORTED",
      });
      expect(await objects.stat("a/b")).toBeUndefined();
    });

    test("a put that is aborted midway is STEP_ABORTED and stores nothing", async () => {
      const objects = await open();
      const local = join(await temporaryFolder(), "large");
      const block = Buffer.alloc(1 << 20, 7);
      await pipeline(function* () {
        for (let index = 0; index < 64; index++) yield block;
      }, createWriteStream(local));
      const stop = new AbortController();
      const put = objects.put("a/large", local, stop.signal);
      setImmediate(() => stop.abort());
      await expect(put).rejects.toMatchObject({ code: "STEP_ABORTED" });
      expect(await collect(objects.list(""))).toEqual([]);
    });

    test("scratch folders are fresh, writable and no objects", async () => {
      const objects = await open();
      const [one, two] = [await objects.scratch(), await objects.scratch()];
      expect(one).not.toBe(two);
      await writeFile(join(one, "half-written.h5ad"), "x");
      const ref = await objects.put("a/b", join(one, "half-written.h5ad"));
      await rm(one, { recursive: true });
      await rm(two, { recursive: true });
      expect(await collect(objects.list(""))).toEqual(["a/b"]);
      expect((await stat(await objects.fetch(ref))).size).toBe(1);
    });
  });
}
