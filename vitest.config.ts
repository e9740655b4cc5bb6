import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    pool: "forks",
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    sequence: { shuffle: true },
    reporters: process.env["CI"] === "true" ? ["default", ["json", { outputFile: ".cache/test-results.json" }]] : ["default"],
  },
});
