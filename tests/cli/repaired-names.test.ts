import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import type { ShownCheck } from "../../server/questions/shown-check.ts";
import { haystack } from "../support/command-line.ts";
import { simulatedAtlas } from "../support/daemon-process.ts";
import { placeOf } from "../support/describe-with.ts";
import { describeWithPython } from "../support/python.ts";
import { PYTHON } from "../support/real-parts.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const MISSPELT = "How would CD14+ monocytes respond to interferron beta?";
const SMALL = ["--control-strategy", "query_as_control", "--max-iterations", "1"];
const env = { COMPUTE_PROCESSES: "1" };

async function place() {
  const dataDir = await temporaryFolder();
  await simulatedAtlas(dataDir);
  const run = (...args: string[]) => haystack([...args, "--data-dir", dataDir], { env });
  const listed = async (): Promise<RunDocument[]> =>
    (JSON.parse((await run("list", "--json")).stdout) as { runs: RunDocument[] }).runs;
  return { dataDir, run, listed };
}

test("a check says what a question means and what it would be taken for, and runs nothing", async () => {
  const { run, listed } = await place();
  const good = await run(
    "check",
    "How would CD14+ monocytes of lupus patients respond to IFN-beta?",
  );
  expect([good.code, good.stdout]).toEqual([0, expect.stringContaining("It can be answered.")]);
  expect(good.stdout).toMatch(/Cells +CD14-positive monocyte \("CD14\+ monocytes"\)/);
  expect(good.stdout).toContain("“lupus” (disease) chose no cells");
  const asked = await run("check", MISSPELT);
  expect([asked.code, asked.stdout]).toEqual([
    2,
    expect.stringContaining('Did you mean Interferon beta by "interferron beta"?'),
  ]);
  const json = JSON.parse((await run("check", MISSPELT, "--json")).stdout) as ShownCheck;
  expect([json.answerable, json.did_you_mean[0]?.names]).toEqual([false, ["Interferon beta"]]);
  const unsure = await run("check", "How would monocytes respond to prednisolne?");
  expect([unsure.code, unsure.stdout]).toEqual([
    2,
    expect.stringContaining("did you mean Prednisolone or Prednisone? Write the one you mean."),
  ]);
  expect(await listed()).toEqual([]);
}, 300_000);

test("where nobody can be asked a run goes on with the only near name, and says so", async () => {
  const { run } = await place();
  const { code, stdout, stderr } = await run("run", MISSPELT, ...SMALL, "--json");
  expect([code, stderr]).toEqual([
    0,
    expect.stringContaining('"interferron beta" is no known name and is read as Interferon beta.'),
  ]);
  const document = JSON.parse(stdout) as RunDocument & { rests_on: { text: string }[] };
  expect(document.rests_on.map(({ text }) => text)).toContain(
    "“interferron beta” (perturbation) was taken as Interferon beta.",
  );
  const unsure = await run("run", "How would monocytes respond to prednisolne?", ...SMALL);
  expect([unsure.code, unsure.stderr]).toEqual([2, expect.stringContaining("or Prednisone?")]);
}, 300_000);

describeWithPython("a repaired name on a terminal", () => {
  test.each([
    ["run", "n", 2, 0],
    ["submit", "n", 2, 0],
    ["submit", "y", 0, 1],
  ])(
    "%s, answered %j, ends with %i and leaves %i runs",
    async (command, answer, code, runs) => {
      const { dataDir, listed } = await place();
      const shown = spawnSync(
        placeOf(PYTHON),
        [
          "tests/support/answer-on-terminal.py",
          "[y/N]",
          answer,
          process.execPath,
          "cli/haystack.ts",
          command,
          MISSPELT,
          "--data-dir",
          dataDir,
        ],
        { encoding: "utf8", env: { ...process.env, ...env } },
      );
      expect([shown.status, shown.stdout]).toEqual([
        code,
        expect.stringContaining("Did you mean Interferon beta? [y/N]"),
      ]);
      expect(await listed()).toHaveLength(runs);
    },
    300_000,
  );

  test("is not asked about with --yes", async () => {
    const { run, listed } = await place();
    expect((await run("submit", MISSPELT, "--yes")).code).toBe(0);
    expect(await listed()).toHaveLength(1);
  }, 300_000);
});
