import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { objectCache } from "../../services/objects/google/cache.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const HOUR = 3_600_000;

/** A cache that has room for one file, in which `first` has just been asked for. */
async function fullCache() {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const folder = await temporaryFolder();
  const cache = objectCache({ folder, limitBytes: 10, holdMs: HOUR });
  const admit = async (name: string): Promise<void> => {
    const temporary = join(await temporaryFolder(), name);
    await writeFile(temporary, "ten bytes!");
    await cache.admit(name, temporary, name, 1);
  };
  await admit("first");
  await cache.find("first");
  return { folder, admit };
}

test("a file in use stays when the clock of the machine is set hours ahead", async () => {
  const { folder, admit } = await fullCache();
  vi.setSystemTime(Date.now() + 5 * HOUR);
  await admit("second");
  expect((await readdir(folder)).toSorted()).toEqual(["first", "second"]);
});

test("what was used at a time that is yet to come, by a clock that was set back, is held no longer than others", async () => {
  const { folder } = await fullCache();
  vi.setSystemTime(Date.now() - 5_000 * HOUR);
  const next = objectCache({ folder, limitBytes: 10, holdMs: HOUR });
  const temporary = join(await temporaryFolder(), "third");
  await writeFile(temporary, "ten bytes!");
  await next.admit("third", temporary, "third", 1);
  expect(await readdir(folder)).toEqual(["third"]);
});
