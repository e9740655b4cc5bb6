import { execFile } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/hosted-runs.ts";

interface Shown {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `haystack` started in that folder. */
const inFolder = (
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Shown> =>
  new Promise((done) => {
    const options = { cwd, env: { ...process.env, ...env } };
    execFile(
      process.execPath,
      [resolve("cli/haystack.ts"), ...args],
      options,
      (error, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });

async function folderWith(files: Readonly<Record<string, string>>, mode = 0o600): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), mode);
  }
  return folder;
}

const JSON_FILE = "haystack.config.json";

test("flag, variable, file, default: the first that is set counts, and config says which", async () => {
  for (const [file, text] of [
    [JSON_FILE, '{"MAX_ACTIVE_RUNS": 3, "LOG_LEVEL": "warn", "HAYSTACK_DATA_DIR": "from-file"}'],
    [".env", "MAX_ACTIVE_RUNS=3\nLOG_LEVEL=warn\nHAYSTACK_DATA_DIR=from-file\nOTHERS_NAME=1\n"],
  ] as const) {
    const folder = await folderWith({ [file]: text });
    const { code, stdout } = await inFolder(folder, ["config", "--json", "--data-dir", "given"], {
      LOG_LEVEL: "error",
    });
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      expect.objectContaining({
        MAX_ACTIVE_RUNS: 3,
        LOG_LEVEL: "error",
        HAYSTACK_DATA_DIR: join(folder, "given"),
        origins: expect.objectContaining({
          MAX_ACTIVE_RUNS: file,
          LOG_LEVEL: "variable",
          HAYSTACK_DATA_DIR: "flag",
          POLL_MILLISECONDS: "default",
        }) as unknown,
      }),
    ]);
  }
});

test("config shows in sections what is set; with --all everything", async () => {
  const folder = await folderWith({ [JSON_FILE]: '{"MAX_ACTIVE_RUNS": 3}' });
  const { stdout } = await inFolder(folder, ["config"]);
  expect(stdout).toMatch(
    /^Hosting runs[^\n]*\nvariable .*\nMAX_ACTIVE_RUNS +3 +haystack.config.json/,
  );
  expect(stdout).not.toContain("POLL_MILLISECONDS");
  const all = await inFolder(folder, ["config", "--all"]);
  for (const part of ["Language model\n", "POLL_MILLISECONDS", "Defaults of a run\n"])
    expect(all.stdout).toContain(part);
  const none = await inFolder(await temporaryFolder(), ["config"]);
  expect(none.stdout).toMatch(/^Nothing is configured/);
});

test.each<[string, Record<string, string>, string]>([
  [
    "a name that is not ours",
    { [JSON_FILE]: '{"MAX_ACTIV_RUNS": 3}' },
    "in haystack.config.json MAX_ACTIV_RUNS is not a variable; did you mean MAX_ACTIVE_RUNS",
  ],
  [
    "a value that is no value",
    { [JSON_FILE]: '{"MAX_ACTIVE_RUNS": [3]}' },
    "in haystack.config.json MAX_ACTIVE_RUNS must be a text, a number, true or false",
  ],
  [
    "no JSON",
    { [JSON_FILE]: "MAX_ACTIVE_RUNS=3" },
    'haystack.config.json is not valid JSON; write it like { "MODEL_MAX_USD": 2 }',
  ],
  [
    "no object",
    { [JSON_FILE]: "[]" },
    'haystack.config.json holds no object of variables; write it like { "MODEL_MAX_USD": 2 }',
  ],
  [
    "both files",
    { [JSON_FILE]: "{}", ".env": "LOG_LEVEL=warn" },
    "haystack.config.json and .env are both here; keep one of them",
  ],
])("%s is refused", async (_, files, message) => {
  const folder = await folderWith(files);
  const { code, stderr } = await inFolder(folder, ["list"]);
  expect([code, stderr]).toEqual([2, `haystack: The configuration cannot be used: ${message}.\n`]);
  expect((await inFolder(folder, ["--help"])).code).toBe(0);
});

test("values are checked by the same schema, and a misspelt name of a .env is told", async () => {
  const folder = await folderWith({ [JSON_FILE]: '{"MAX_ACTIVE_RUNS": "many"}' });
  const { code, stderr } = await inFolder(folder, ["list"]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("MAX_ACTIVE_RUNS (")]);
});

test("a secret that every user of the machine can read is told, and not shown", async () => {
  const file = { [JSON_FILE]: '{"OPENAI_API_KEY": "sk-secret-in-a-file"}' };
  const open = await inFolder(await folderWith(file, 0o644), ["config"]);
  expect(open.stderr).toBe(
    "haystack: Every user of this machine can read OPENAI_API_KEY in haystack.config.json; run: chmod 600 haystack.config.json\n",
  );
  expect(open.stdout).toMatch(/OPENAI_API_KEY +\(hidden\) +haystack.config.json/);
  const closed = await inFolder(await folderWith(file), ["config"]);
  expect([closed.code, closed.stderr]).toEqual([0, ""]);
});
