import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/**
 * Whoever sets the machine's clock ends no wait and begins none: intervals come from a clock that
 * nobody sets. These lines mean the time of day.
 */
const OF_DAY: Readonly<Record<string, string>> = {
  "cli/commands/quarantine.ts": "before a stored time",
  "cli/commands/token.ts": "a stored end",
  "cli/runs/ask.ts": "a stored lease",
  "cli/runs/filters.ts": "stored times",
  "services/objects/google/cache.ts": "times of files, by other processes too",
  "services/objects/google/bucket.ts": "the end of a signed link",
  "science/anndata/unpack-folder.ts": "times of files",
  "unfinished.ts": "times of files",
};
const RECKONS = /Date\.now\(\)\s*[-+<>]|(?<!=)[-+<>]=?\s*Date\.now\(\)/;

const reckoning = globSync("**/*.ts", {
  exclude: (name) => /^(node_modules|dist|tests|bench|web|\.cache|vocabularies)$/.test(name),
}).filter((file) => RECKONS.test(readFileSync(file, "utf8")));

test("no interval is reckoned by the time of day", () => {
  expect(reckoning.toSorted()).toEqual(Object.keys(OF_DAY).toSorted());
});
