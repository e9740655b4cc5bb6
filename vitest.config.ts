import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { defineConfig } from "vitest/config";
import { skippedReporter } from "./tests/support/skipped-reporter.ts";

// Tests and the programs that they start load the same sources: what one compiled the others find.
process.env["NODE_COMPILE_CACHE"] ??= resolve("node_modules/.cache/compiled");

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    pool: "forks",
    // Many tests wait for processes of their own.
    maxWorkers: "100%",
    // Threads of a test get it from here, processes from the setup file.
    execArgv: [`--import=${pathToFileURL(resolve("tests/support/loopback-guard.ts")).href}`],
    // Tests of the window and of the package use what is built here, and build nothing anew.
    globalSetup: ["tests/support/built-window.ts"],
    setupFiles: ["tests/support/loopback-only.ts"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // A failure is told whole: what it hides cannot be seen again.
    chaiConfig: { truncateThreshold: 0 },
    expect: { poll: { timeout: 60_000 } },
    sequence: { shuffle: true },
    reporters:
      process.env["CI"] === "true"
        ? ["default", skippedReporter, ["json", { outputFile: ".cache/test-results.json" }]]
        : ["default", skippedReporter],
  },
});
