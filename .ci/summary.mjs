// The last lines of a run: every test that failed, with the beginning of why, and how many passed.
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

const WHY_SHOWN = 2_000;
const resultsIn = (file) => JSON.parse(readFileSync(file, "utf8"));
const { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests, testResults } =
  resultsIn(".cache/test-results.json");

const said = (file, name, why) =>
  console.log(
    `FAILED ${relative(".", file)}: ${name}\n${stripVTControlCharacters(why).slice(0, WHY_SHOWN)}`,
  );
for (const { name: file, status, message, assertionResults } of testResults) {
  const failed = assertionResults.filter((test) => test.status === "failed");
  for (const test of failed) said(file, test.fullName, test.failureMessages.join("\n"));
  if (status === "failed" && failed.length === 0) said(file, "the file itself", message);
}

const ofImage = ".cache/image-results.json";
const image = existsSync(ofImage) ? resultsIn(ofImage) : { passed: 0, failed: 1 };
const passed = numPassedTests + image.passed;
const failed = Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0) + image.failed;
console.log(
  `${passed} passed, ${failed} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ""}`,
);
