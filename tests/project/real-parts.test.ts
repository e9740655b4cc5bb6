import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { describeWith } from "../support/describe-with.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { REAL_PARTS } from "../support/real-parts.ts";
import { skippedLine } from "../support/skipped-reporter.ts";

/** Runs suites that need each part and all of them in a folder of their own. */
async function runSuites(env: Readonly<Record<string, string>>): Promise<string> {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      resolve("node_modules/vitest/vitest.mjs"),
      "run",
      "--config",
      resolve("tests/support/bare-suites/vitest.config.ts"),
    ],
    { cwd: await temporaryFolder(), env: { NO_COLOR: "1", ...env }, encoding: "utf8" },
  );
  return stdout + stderr;
}

/** As many as there are parts, and the one that needs the cloud. */
const SUITES = REAL_PARTS.length + 1;

test("where every part is missing each suite is skipped, and the last line says how to have them", async () => {
  const printed = await runSuites({ PATH: "/nowhere" });
  for (const { name } of REAL_PARTS) expect(printed).toMatch(new RegExp(`↓.*with ${name}`));
  expect(printed).toMatch(/↓.*with a whole cloud/);
  expect(printed).toMatch(new RegExp(`Tests +1 passed \\| ${SUITES} skipped`));
  const last = printed.trimEnd().split("\n").at(-1);
  expect(last).toMatch(new RegExp(`^${SUITES} tests were skipped\\. Missing here: `));
  for (const { name, hint } of REAL_PARTS) expect(last).toContain(`${name} (${hint})`);
});

test("CI fails where a part is missing, and names it", () => {
  vi.stubEnv("CI", "true");
  onTestFinished(() => void vi.unstubAllEnvs());
  const [there, missing] = [
    { name: "a lens", found: "/lens", hint: "buy one" },
    { name: "a mirror", found: undefined, hint: "grind one" },
  ];
  expect(() => describeWith(there, missing)).toThrow("CI needs a mirror: grind one.");
  expect(describeWith(there)).toBe(describe);
});

test("where a part is there its suites run", async () => {
  const place = await temporaryFolder();
  await mkdir(join(place, "data"));
  await writeFile(join(place, "data", "kang18_ifnb_pbmc.h5ad"), "");
  await symlink("/bin/sh", join(place, "chromium"));
  const printed = await runSuites({
    PATH: place,
    HAYSTACK_TEST_DATA: join(place, "data"),
    MONGODB_URI: "mongodb://127.0.0.1",
  });
  expect(printed).toMatch(new RegExp(`Tests +4 passed \\| ${SUITES - 3} skipped`));
  expect(printed).not.toContain("MONGODB_URI");
});

test("a run that skips nothing says nothing", () => {
  expect(skippedLine(0, REAL_PARTS)).toBeUndefined();
});

test("no suite decides by itself whether to skip", async () => {
  const files = (await readdir("tests", { recursive: true })).filter(
    (file) => file.endsWith(".ts") && !file.endsWith("real-parts.test.ts"),
  );
  const own = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join("tests", file), "utf8");
      return /\b(describe|test|it)\.(skip|todo)\b|\.(skipIf|runIf)\(/.test(
        text.replaceAll("typeof describe.skip", ""),
      )
        ? [file]
        : [];
    }),
  );
  expect(own.flat()).toEqual(["support/describe-with.ts"]);
});
