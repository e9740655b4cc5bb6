import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, symlink } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { describeWith, placeOf } from "../support/describe-with.ts";
import { KANG } from "../support/data.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { DATA, NEWEST_PYTHON, PYTHON, type RealPart } from "../support/real-parts.ts";

const run = promisify(execFile);

/** Only for what hangs: a machine under load needs minutes. */
const LONGEST_MS = 900_000;

/** The package as a user installs it, in a folder of its own; what it needs is there already. */
async function install(program: string): Promise<Readonly<Record<string, string>>> {
  const folder = await temporaryFolder();
  const pip = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--no-deps",
    "--no-index",
    "--no-build-isolation",
  ];
  await run(program, [...pip, "--target", folder, resolve("python")]);
  return {
    PYTHONPATH: [folder, process.env["PYTHONPATH"]].filter(Boolean).join(delimiter),
    PYTHONDONTWRITEBYTECODE: "1",
    HAYSTACK_PROGRAM: resolve("bin/haystack.mjs"),
    HAYSTACK_TEST_DATA: placeOf(DATA),
  };
}

/** What the tutorial's cells left. */
interface Tutorial {
  readonly pictures: number;
  readonly frames: readonly string[];
  readonly text: string;
  readonly errors: string;
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs Python in python/; stdout and stderr are kept together. */
async function python(
  program: string,
  args: readonly string[],
  { env = {}, input = "" }: { env?: Readonly<Record<string, string>>; input?: string } = {},
): Promise<Ended> {
  const child = spawn(program, args, { cwd: "python", env: { ...process.env, ...env } });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

const PYTHONS: readonly (readonly [name: string, part: RealPart])[] = [
  ["the oldest Python", PYTHON],
  ["the newest Python", NEWEST_PYTHON],
];

for (const [name, part] of PYTHONS)
  describeWith(part, DATA)(`the Python client on ${name}`, () => {
    test("its tests pass, against a real daemon", { timeout: LONGEST_MS }, async () => {
      const program = placeOf(part);
      const env = await install(program);
      expect(await python(program, ["-m", "pytest", "-q", "--tb=short"], { env })).toEqual({
        code: 0,
        output: expect.stringMatching(/^\d+ passed in /m) as string,
      });
    });
  });

describeWith(PYTHON, DATA)("the Python client", () => {
  test("its types hold on the oldest and the newest Python", { timeout: LONGEST_MS }, async () => {
    for (const version of ["3.11", "3.14"]) {
      const flags = ["--cache-dir=/dev/null", "--python-version", version];
      expect(await python(placeOf(PYTHON), ["-m", "mypy", ...flags])).toEqual({
        code: 0,
        output: expect.stringContaining("no issues found") as string,
      });
    }
  });

  test("its models are what the API describes now", { timeout: LONGEST_MS }, async () => {
    const { stdout } = await run(process.execPath, ["web/describe-api.ts"], { maxBuffer: 1 << 26 });
    const check = ["generate.py", "--check"];
    expect(await python(placeOf(PYTHON), check, { input: stdout })).toEqual({
      code: 0,
      output: "",
    });
    const other = stdout.replaceAll('"answerable"', '"can_be_answered"');
    expect(await python(placeOf(PYTHON), check, { input: other })).toEqual({
      code: 1,
      output: "models.py tell another API than this one; run `npm run python:models`.\n",
    });
  });

  test(
    "its tutorial runs from the question to the validation",
    { timeout: LONGEST_MS },
    async () => {
      const program = placeOf(PYTHON);
      const place = await temporaryFolder();
      await symlink(KANG, join(place, "kang18_ifnb_pbmc.h5ad"));
      const env = { ...(await install(program)), IPYTHONDIR: place, MPLCONFIGDIR: place };
      const { stdout } = await run(program, ["python/tests/run_tutorial.py", place], {
        env: { ...process.env, ...env },
        maxBuffer: 1 << 26,
      });
      const told = JSON.parse(stdout) as Tutorial;
      expect(told).toMatchObject({ pictures: 3, errors: "" });
      expect(told.text).toContain("200 treated cells; 100 of 200 control cells are unseen");
      expect(told.frames).toEqual([expect.stringMatching(/^<iframe sandbox="allow-popups/)]);
    },
  );
});

test("the tutorial is committed without outputs, and the versions are one", async () => {
  const notebook = JSON.parse(await readFile("python/tutorial.ipynb", "utf8")) as {
    readonly cells: readonly { readonly outputs?: readonly unknown[] }[];
  };
  const left = notebook.cells.filter(({ outputs = [] }) => outputs.length > 0);
  expect([notebook.cells.length > 20, left]).toEqual([true, []]);
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  expect(await readFile("python/pyproject.toml", "utf8")).toContain(`\nversion = "${version}"\n`);
});
