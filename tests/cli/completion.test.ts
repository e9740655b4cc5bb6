import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { openRuns } from "../../adapters/runs.ts";
import { candidates } from "../../cli/completion/candidates.ts";
import { SHELLS } from "../../cli/completion/scripts.ts";
import { buildProgram } from "../../cli/program.ts";
import { loadConfig } from "../../config.ts";
import { ADA, pastRun } from "../server/api-harness.ts";
import { haystack } from "../support/command-line.ts";
import { describeWith, placeOf } from "../support/describe-with.ts";
import { BASH } from "../support/real-parts.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const program = buildProgram(() => undefined);
const RUNS = [{ text: "run-1", description: "completed" }];

const completed = async (...words: string[]): Promise<string[]> =>
  (await candidates(program, words, () => Promise.resolve(RUNS))).map(({ text }) => text);

test.each([
  [["at"], ["atlas"]],
  [
    ["atlas", ""],
    ["import", "list", "inspect", "simulate", "help"],
  ],
  [["atlas", "im"], ["import"]],
  [
    ["run", "--first-prompt", ""],
    ["best", "worst"],
  ],
  [["run", "--first-prompt", "w"], ["worst"]],
  [["status", "--server", ""], []],
  [
    ["run", "--contr"],
    ["--control-label", "--control-strategy"],
  ],
  [["status", ""], ["run-1"]],
  [["status", "run-1", "--js"], ["--json"]],
  [["list", ""], []],
  [["completion", ""], []],
])("%j is completed by %j", async (words, expected) => {
  expect((await completed(...words)).toSorted()).toEqual(expected.toSorted());
});

test("every command is offered, and none that is hidden", async () => {
  const offered = await completed("");
  for (const { commands } of [program])
    for (const command of commands)
      expect([command.name(), offered.includes(command.name())]).toEqual([
        command.name(),
        command.name() !== "complete",
      ]);
});

describeWith(BASH)("in the shell itself", () => {
  test("bash completes commands and the ids of runs", async () => {
    const folder = await temporaryFolder();
    const store = await openRuns(loadConfig({}, folder));
    await store.insert(pastRun("run-0a1b2c", ADA));
    await store.close();
    const script = `
    haystack() { "${process.execPath}" cli/haystack.ts "$@"; }
    source <(haystack completion bash)
    COMP_WORDS=(haystack status run-0); COMP_CWORD=2; _haystack; echo "\${COMPREPLY[@]}"
    COMP_WORDS=(haystack kno); COMP_CWORD=1; _haystack; echo "\${COMPREPLY[@]}"
  `;
    const { stdout, stderr } = spawnSync(placeOf(BASH), ["--norc", "-c", script], {
      encoding: "utf8",
      env: { ...process.env, HAYSTACK_DATA_DIR: folder },
    });
    expect([stdout, stderr]).toEqual(["run-0a1b2c\nknowledge\n", ""]);
  }, 30_000);
});

test("there is a script for each shell, and another shell is refused with their names", async () => {
  for (const shell of SHELLS) {
    const { code, stdout } = await haystack(["completion", shell]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("haystack complete -- ")]);
  }
  expect(await haystack(["completion", "tcsh"])).toMatchObject({ code: 2 });
}, 30_000);
