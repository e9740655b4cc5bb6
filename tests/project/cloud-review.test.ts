import { existsSync, globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const REVIEW = "docs/cloud-review.md";
const rows = readFileSync(REVIEW, "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .slice(1)
  .map((line) => line.slice(2, -2).split(" | "));
const TESTS = globSync("tests/**/*.test.ts");

test("the review of the cloud has a source for each behaviour", () => {
  expect(rows.length).toBeGreaterThan(30);
  for (const row of rows) {
    expect(row).toHaveLength(4);
    for (const cell of row) expect(cell.trim()).not.toBe("");
  }
});

test("every test that it names is there", () => {
  const named = rows.flatMap(([, , , tests = ""]) => tests.split(", "));
  const missing = named.filter(
    (name) => !TESTS.some((file) => file.endsWith(`/${name.trim()}.test.ts`)),
  );
  expect(missing).toEqual([]);
});

test("every server of the tests that it names has what it names of it", () => {
  const missing = rows.flatMap(([, , server = ""]) =>
    [...server.matchAll(/`([\w-]+\.ts)`(?:: ([^;]*))?/g)].flatMap(([, file = "", words = ""]) => {
      const path = `tests/support/${file}`;
      const text = existsSync(path) ? readFileSync(path, "utf8") : "";
      const names = [...words.matchAll(/`(\w+)[^`]*`/g)].map(([, name = ""]) => name);
      return text === "" ? [file] : names.filter((name) => !text.includes(name));
    }),
  );
  expect(missing).toEqual([]);
});
