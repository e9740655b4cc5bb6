import { expect, test } from "vitest";
import { folderCache } from "../../services/http/answer-cache.ts";
import { temporaryFolder } from "./temporary-folder.ts";

test("an answer is given until it is too old, and not when it comes from a later time than now", async () => {
  let now = 1_000;
  const cache = folderCache({ folder: await temporaryFolder(), maxAgeMs: 500, now: () => now });
  await cache.write("https://example.org/a", { found: 1 });
  const at = async (time: number, address = "https://example.org/a"): Promise<unknown> => {
    now = time;
    return cache.read(address);
  };
  expect(await at(1_000)).toEqual({ found: 1 });
  expect(await at(1_499)).toEqual({ found: 1 });
  expect(await at(1_500)).toBeUndefined();
  expect(await at(999)).toBeUndefined();
  expect(await at(1_000, "https://example.org/b")).toBeUndefined();
});
