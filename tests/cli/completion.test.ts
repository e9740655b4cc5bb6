import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { openRuns } from "../../adapters/runs.ts";
import { candidates } from "../../cli/completion/candidates.ts";
import { SHELLS } from "../../cli/completion/scripts.ts";
import { buildProgram } from "../../cli/program.ts";
import { loadConfig } from "../../config.ts";
import { ADA, pastRun } from "../server/api-harness.ts";
import { haystack } from "../support/command-line.ts";
import { describeWith, placeOf } from "../support/describe-with.ts";
import { BASH, FISH, ZSH } from "../support/real-parts.ts";
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
    ["--control-job", "--control-label", "--control-strategy"],
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

/** With `haystack` on the path, what each shell makes of `haystack kno` and `haystack status run-0`. */
const IN_SHELL = [
  {
    shell: BASH,
    args: ["--norc", "-c"],
    script: `
      source <(haystack completion bash)
      COMP_WORDS=(haystack status run-0); COMP_CWORD=2; _haystack; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(haystack kno); COMP_CWORD=1; _haystack; echo "\${COMPREPLY[@]}"`,
  },
  {
    shell: ZSH,
    args: ["-f", "-c"],
    // A shell on a terminal of its own, where the tabulator key is pressed.
    script: `
      zmodload zsh/zpty
      zpty inner 'zsh -f -i'
      zpty -w inner 'autoload -Uz compinit; compinit -u -D; source <(haystack completion zsh); echo now re""ady'
      zpty -r inner shown '*now ready*'
      zpty -w -n inner $'haystack status run-0\\t'
      zpty -r inner shown '*run-0a1b2c*' && echo run-0a1b2c
      zpty -w -n inner $'\\025haystack kno\\t'
      zpty -r inner shown '*knowledge*' && echo knowledge`,
  },
  {
    shell: FISH,
    args: ["--no-config", "-c"],
    script: `
      haystack completion fish | source
      complete -C 'haystack status run-0' | cut -f 1
      complete -C 'haystack kno' | cut -f 1`,
  },
] as const;

describe.each(IN_SHELL)("in $shell.name", ({ shell, args, script }) => {
  describeWith(shell)("itself", () => {
    test("commands and the ids of runs are completed", async () => {
      const folder = await temporaryFolder();
      const store = await openRuns(loadConfig({}, folder));
      await store.insert(pastRun("run-0a1b2c", ADA));
      await store.close();
      const file = join(folder, "haystack");
      const command = `exec "${process.execPath}" "${resolve("cli/haystack.ts")}" "$@"`;
      await writeFile(file, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
      const { stdout, stderr } = spawnSync(placeOf(shell), [...args, script], {
        encoding: "utf8",
        env: {
          ...process.env,
          HOME: folder,
          HAYSTACK_DATA_DIR: folder,
          PATH: `${folder}:${process.env["PATH"]}`,
        },
      });
      expect([stdout, stderr]).toEqual(["run-0a1b2c\nknowledge\n", ""]);
    });
  });
});

test("there is a script for each shell, and another shell is refused with their names", async () => {
  for (const shell of SHELLS) {
    const { code, stdout } = await haystack(["completion", shell]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("haystack complete -- ")]);
  }
  expect(await haystack(["completion", "tcsh"])).toMatchObject({ code: 2 });
});
