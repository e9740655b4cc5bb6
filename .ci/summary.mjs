import { existsSync, readFileSync } from "node:fs";

const resultsIn = (file) => JSON.parse(readFileSync(file, "utf8"));
const { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests } = resultsIn(
  ".cache/test-results.json",
);
const ofImage = ".cache/image-results.json";
const image = existsSync(ofImage) ? resultsIn(ofImage) : { passed: 0, failed: 1 };
const passed = numPassedTests + image.passed;
const failed = Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0) + image.failed;
console.log(
  `${passed} passed, ${failed} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ""}`,
);
