import { once } from "node:events";
import { watch } from "node:fs";
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { directoryObjects } from "../../services/objects/directory/store.ts";
import { objectsContract } from "./objects.contract.ts";
import { temporaryFolder } from "./temporary-folder.ts";

objectsContract("directory", async () =>
  directoryObjects({ root: join(await temporaryFolder(), "objects") }),
);

test("symbolic links below the root are not followed, whether to a file, a folder or nothing", async () => {
  const root = await temporaryFolder();
  const outside = await temporaryFolder();
  await writeFile(join(outside, "secret"), "secret");
  const objects = directoryObjects({ root });
  await objects.putText("in/real", "x");
  await symlink(outside, join(root, "in", "folder"));
  await symlink(join(outside, "secret"), join(root, "in", "file"));
  await symlink(join(outside, "new"), join(root, "in", "nothing"));
  for (const path of ["in/folder/secret", "in/folder/new", "in/file", "in/nothing"]) {
    await expect(objects.fetch({ path })).rejects.toMatchObject({ code: "OBJECT_PATH_INVALID" });
    await expect(objects.putText(path, "changed")).rejects.toMatchObject({
      code: "OBJECT_PATH_INVALID",
    });
  }
  expect(await readdir(outside)).toEqual(["secret"]);
  expect(await readFile(join(outside, "secret"), "utf8")).toBe("secret");
  const listed = [];
  for await (const path of objects.list("")) listed.push(path);
  expect(listed).toEqual(["in/real"]);
});

test("a root that is itself a symbolic link works", async () => {
  const real = await temporaryFolder();
  const root = join(await temporaryFolder(), "link");
  await symlink(real, root);
  const objects = directoryObjects({ root });
  const ref = await objects.putText("a/b", "x");
  expect(await readFile(await objects.fetch(ref), "utf8")).toBe("x");
  expect(await readFile(objects.location("a/b"), "utf8")).toBe("x");
});

test("objects are read-only files, an equal put leaves the file alone, and nothing is left in the scratch folder", async () => {
  const root = await temporaryFolder();
  const objects = directoryObjects({ root });
  await objects.putText("a/b", "same");
  const before = await stat(objects.location("a/b"));
  await objects.putText("a/b", "same");
  const after = await stat(objects.location("a/b"));
  expect(after.ino).toBe(before.ino);
  expect(after.mode & 0o222).toBe(0);
  expect(await readdir(join(root, ".scratch"))).toEqual([]);
});

test("a flipped byte is OBJECT_DAMAGED", async () => {
  const objects = directoryObjects({ root: await temporaryFolder() });
  const local = join(await temporaryFolder(), "a");
  await writeFile(local, "intact");
  const ref = await objects.put("a/b", local);
  await chmod(objects.location("a/b"), 0o644);
  await writeFile(objects.location("a/b"), "intacT");
  await expect(objects.fetch(ref)).rejects.toMatchObject({ code: "OBJECT_DAMAGED" });
  expect((await objects.put("a/b", local)).sha256).toBe(ref.sha256);
  expect(await readFile(await objects.fetch(ref), "utf8")).toBe("intact");
});

test("scratch folders that a crash left days ago go, younger ones stay", async () => {
  const root = await temporaryFolder();
  await mkdir(join(root, ".scratch", "work-old"), { recursive: true });
  await mkdir(join(root, ".scratch", "work-new"));
  const daysAgo = (days: number): number => Date.now() / 1000 - days * 24 * 3600;
  await utimes(join(root, ".scratch", "work-old"), daysAgo(3.1), daysAgo(3.1));
  await utimes(join(root, ".scratch", "work-new"), daysAgo(2.9), daysAgo(2.9));
  await directoryObjects({ root }).scratch();
  expect(await readdir(join(root, ".scratch"))).toEqual(expect.arrayContaining(["work-new"]));
  expect(await readdir(join(root, ".scratch"))).not.toContain("work-old");
});

test("a root that cannot be made is OBJECTS_UNAVAILABLE", async () => {
  const file = join(await temporaryFolder(), "file");
  await writeFile(file, "x");
  const objects = directoryObjects({ root: join(file, "objects") });
  await expect(objects.putText("a/b", "x")).rejects.toMatchObject({ code: "OBJECTS_UNAVAILABLE" });
});

test("a put that fails midway leaves nothing in the scratch folder", async () => {
  const root = await temporaryFolder();
  const objects = directoryObjects({ root });
  const local = join(await temporaryFolder(), "large");
  await writeFile(local, Buffer.alloc(64 << 20));
  const stop = new AbortController();
  const put = objects.put("a/b", local, stop.signal);
  const watcher = watch(root, { recursive: true, signal: stop.signal }, (_, name) => {
    if (name?.startsWith(".scratch/") === true) stop.abort();
  });
  await once(watcher, "close");
  await expect(put).rejects.toMatchObject({ code: "STEP_ABORTED" });
  expect(await readdir(join(root, ".scratch"))).toEqual([]);
});
