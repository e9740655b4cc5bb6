import { readdirSync, readlinkSync } from "node:fs";
import { type FileHandle, mkdir, open, readFile, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { createFile, createFolder } from "../../services/batch/local/durable.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { emlMail } from "../../services/mail/eml-file.ts";
import { directoryObjects } from "../../services/objects/directory/store.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/**
 * What reaches the disk before a name appears. A loss of power cannot be had here: each flush is
 * noted with what its folder then held, which shows their order.
 */
interface Flush {
  readonly path: string;
  /** Names in the folder that is waited for, at that moment. */
  readonly present: readonly string[];
}

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
};

async function flushesInto(folder: string): Promise<Flush[]> {
  const flushes: Flush[] = [];
  const any = await open(tmpdir(), "r");
  const handles = Object.getPrototypeOf(any) as Pick<FileHandle, "sync">;
  const { sync } = handles;
  await any.close();
  vi.spyOn(handles, "sync").mockImplementation(function flush(this: FileHandle) {
    flushes.push({ path: readlinkSync(`/proc/self/fd/${this.fd}`), present: namesIn(folder) });
    return sync.call(this);
  });
  onTestFinished(() => void vi.restoreAllMocks());
  return flushes;
}

const isOf = (folder: string) => (flush: Flush) => dirname(flush.path) === folder;

test("an object is on disk before its name appears, and its name before it is acknowledged", async () => {
  const root = await realpath(await temporaryFolder());
  const folder = join(root, "runs", "r1");
  const flushes = await flushesInto(folder);
  const objects = directoryObjects({ root });
  await objects.putText("runs/r1/plan.json", "{}");
  expect(flushes.filter(isOf(join(root, ".scratch")))).toEqual([
    { path: expect.any(String) as string, present: [] },
  ]);
  expect(flushes.at(-1)).toEqual({ path: folder, present: ["plan.json"] });
  const parents = flushes.filter(({ present }) => present.length === 0).map(({ path }) => path);
  expect(parents).toEqual(expect.arrayContaining([root, join(root, "runs")]));
  await objects.putText("runs/r1/plan.json", "{ }");
  expect(flushes.at(-1)).toEqual({ path: folder, present: ["plan.json"] });
  expect(flushes.filter(isOf(join(root, ".scratch")))).toHaveLength(2);
});

test("a state of a local job is on disk before its name appears, and its name before it counts", async () => {
  const root = await realpath(await temporaryFolder());
  const drafts = join(root, "drafts");
  const folder = join(root, "jobs");
  for (const made of [drafts, folder]) await mkdir(made);
  const flushes = await flushesInto(folder);
  expect(await createFile(drafts, "j1", join(folder, "1"), { state: "QUEUED" })).toBe(true);
  expect(flushes).toEqual([
    { path: expect.stringContaining("drafts/j1.") as string, present: [] },
    { path: folder, present: ["1"] },
  ]);
  flushes.length = 0;
  expect(await createFolder(drafts, "j2", join(folder, "j2"), { a: 1, b: 2 })).toBe(true);
  expect(flushes.map(({ path, present }) => [basename(path).slice(0, 2), present])).toEqual([
    ["a", ["1"]],
    ["b", ["1"]],
    ["j2", ["1"]],
    ["jo", ["1", "j2"]],
  ]);
});

test("a mail is on disk before its name appears", async () => {
  const folder = join(await realpath(await temporaryFolder()), "mails");
  await mkdir(folder);
  const flushes = await flushesInto(folder);
  const mail = emlMail({ folder, from: "haystack@example.org", clock: manualClock() });
  await mail.send({ key: "k", to: "a@example.org", subject: "s", text: "t", html: "h" });
  expect(flushes).toHaveLength(1);
  expect(flushes[0]?.present).toEqual([basename(flushes[0]?.path ?? "")]);
  expect(await readFile(join(folder, "k.eml"), "utf8")).toContain("a@example.org");
});
