import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { describeWith } from "../support/describe-with.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import * as parts from "../support/real-parts.ts";
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

/** Of the tests and what they share, but for this file. */
async function sources(): Promise<{ readonly file: string; readonly text: string }[]> {
  const files = (await readdir("tests", { recursive: true })).filter(
    (file) => file.endsWith(".ts") && !file.endsWith("real-parts.test.ts"),
  );
  return Promise.all(
    files.map(async (file) => ({ file, text: await readFile(join("tests", file), "utf8") })),
  );
}

const { PROCESSES, REAL_PARTS } = parts;
/** What a bare place lacks; the list of processes is in no folder of ours. */
const LACKING = REAL_PARTS.filter((part) => part !== PROCESSES || part.found === undefined);
const ALWAYS_THERE = REAL_PARTS.length - LACKING.length;
/** As many as there are parts, and the one that needs the cloud. */
const SUITES = LACKING.length + 1;

test("where every part is missing each suite is skipped, and the last line says how to have them", async () => {
  const printed = await runSuites({ PATH: "/nowhere" });
  for (const { name } of LACKING) expect(printed).toMatch(new RegExp(`↓.*with ${name}`));
  expect(printed).toMatch(/↓.*with a whole cloud/);
  expect(printed).toMatch(new RegExp(`Tests +${1 + ALWAYS_THERE} passed \\| ${SUITES} skipped`));
  const last = printed.trimEnd().split("\n").at(-1);
  expect(last).toMatch(new RegExp(`^${SUITES} tests were skipped\\. Missing here: `));
  for (const { name, hint } of LACKING) expect(last).toContain(`${name} (${hint})`);
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
  expect(printed).toMatch(
    new RegExp(`Tests +${4 + ALWAYS_THERE} passed \\| ${SUITES - 3} skipped`),
  );
  expect(printed).not.toContain("MONGODB_URI");
});

test("every part that a suite is skipped for is one that the last line names", async () => {
  const listed = Object.entries(parts)
    .filter(([, part]) => REAL_PARTS.some((one) => one === part))
    .map(([name]) => name);
  const needed = (await sources()).flatMap(({ text }) =>
    [...text.matchAll(/\bdescribeWith\(([^()]*)\)/g)].flatMap(
      ([, given = ""]) => given.match(/(?<!\.)\b[A-Z][A-Z_]+\b/g) ?? [],
    ),
  );
  expect(listed).toHaveLength(REAL_PARTS.length);
  expect([...new Set(needed)].filter((name) => !listed.includes(name))).toEqual([]);
  expect(needed.length).toBeGreaterThan(15);
});

test("a run that skips nothing says nothing", () => {
  expect(skippedLine(0, REAL_PARTS)).toBeUndefined();
});

test("no suite decides by itself whether to skip", async () => {
  const own = (await sources()).filter(({ text }) =>
    /\b(describe|test|it)\.(skip|todo)\b|\.(skipIf|runIf)\(/.test(
      text.replaceAll("typeof describe.skip", ""),
    ),
  );
  expect(own.map(({ file }) => file)).toEqual(["support/describe-with.ts"]);
});
