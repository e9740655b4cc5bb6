import { defineConfig } from "vitest/config";
import { skippedReporter } from "../skipped-reporter.ts";

/** Of the suites that `tests/project/real-parts.test.ts` runs in a place without any real part. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.suite.ts"],
    pool: "forks",
    reporters: ["verbose", skippedReporter],
  },
});
