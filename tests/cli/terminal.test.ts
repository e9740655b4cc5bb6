import { once } from "node:events";
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { table, visible } from "../../cli/output.ts";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

/** What a terminal would act on: title, colour, NUL, C1, delete, return, bidi overrides. */
const HOSTILE = "\u001b]0;title\u0007 \u001b[31mred\u0000\u009b2J\u007f\rB\u202ecells\u2066";
const ACTED_ON = /[^\P{Cc}\n\t]|\p{Bidi_Control}/u;

test("control characters and bidi overrides are written out, line ends and tabs stay", () => {
  expect(visible("a\tb\n\u001b[31m\u0000\u009b\u202e é 細胞")).toBe(
    String.raw`a	b
\u001b[31m\u0000\u009b\u202e é 細胞`,
  );
});

test("a cell of a table stays in its line", () => {
  expect(table(["question"], [["one\ntwo\tthree"]])).toBe("question\none two three");
});

test("a hostile question reaches neither stdout nor stderr raw, and comes back whole in JSON", async () => {
  const folder = ["--data-dir", await temporaryFolder()];
  const question = `How would B cells respond to IFN-beta? ${HOSTILE.replace("\u0000", "")}`;
  const { stdout } = await haystack(["submit", question, ...folder]);
  const runId = stdout.trim();
  for (const args of [
    ["list"],
    ["list", "--json"],
    ["status", runId],
    ["status", HOSTILE.replace("\u0000", "")],
    [`--${HOSTILE.replace("\u0000", "")}`],
    ["cancel", runId],
  ]) {
    const shown = await haystack(args[0]?.startsWith("--") ? args : [...args, ...folder]);
    expect(shown.stdout + shown.stderr).not.toMatch(ACTED_ON);
    expect(shown.stdout + shown.stderr).not.toBe("");
  }
  const { stdout: json } = await haystack(["list", "--json", ...folder]);
  expect(JSON.parse(json)).toMatchObject({ runs: [{ query: question.trim() }] });
});

test("a result that cannot be written is a failure, in one sentence", async () => {
  const full = openSync("/dev/full", "w");
  const child = spawn(process.execPath, ["bin/haystack.mjs", "config"], {
    stdio: ["ignore", full, "pipe"],
  });
  closeSync(full);
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(child, "close")) as [number];
  expect([code, stderr]).toEqual([
    1,
    "haystack: The result could not be written to stdout: the disk is full.\n",
  ]);
});

test("only cli/output.ts writes to the terminal", async () => {
  const files = (await readdir("cli", { recursive: true })).filter((file) => file.endsWith(".ts"));
  const writing: string[] = [];
  for (const file of files)
    if (/process\.std(out|err)\.write|console\./.test(await readFile(join("cli", file), "utf8")))
      writing.push(file);
  expect(writing).toEqual(["output.ts"]);
});

test("the program of a checkout can be started by its name", async () => {
  expect((await stat("bin/haystack.mjs")).mode & 0o111).toBe(0o111);
});
