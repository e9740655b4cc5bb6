import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ERROR_CATALOGUE } from "../../errors.ts";

test("docs/operations.md lists exactly the error catalogue", () => {
  const rows = readFileSync("docs/operations.md", "utf8").split("\n").filter((line) => /^\| [A-Z_0-9]+ \|/.test(line));
  const documented = rows.map((row) => row.split("|").slice(1, 5).map((cell) => cell.trim()));
  const catalogue = Object.entries(ERROR_CATALOGUE).map(([code, { retryable, httpStatus, exitCode }]) => [code, retryable ? "yes" : "no", String(httpStatus), String(exitCode)]);
  expect(documented).toEqual(catalogue);
  for (const row of rows) expect(row.split("|")[5]?.trim()).not.toBe("");
});
