import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { describe } from "vitest";

const run = promisify(execFile);
const candidates = [process.env["HAYSTACK_TEST_PYTHON"], ".cache/venv/bin/python"].filter(
  (path) => path !== undefined,
);
const python = candidates.find((path) => existsSync(path));

if (python === undefined && process.env["CI"] === "true") {
  throw new Error(
    "CI needs Python with anndata, scanpy and scipy: set HAYSTACK_TEST_PYTHON or make .cache/venv.",
  );
}

/**
 * A suite that compares with Python (anndata, scanpy, scipy). Skipped, and said so, where no such
 * Python is set up.
 */
export const describeWithPython: typeof describe.skip =
  python === undefined ? describe.skip : describe;

/**
 * Runs a Python program with `input` as JSON in sys.argv[1]; warnings are errors; returns the JSON
 * it prints.
 */
export async function runPython<Result>(program: string, input: unknown = {}): Promise<Result> {
  if (python === undefined) throw new Error("No Python set up.");
  const { stdout } = await run(
    python,
    [
      "-W",
      "error::UserWarning",
      "-W",
      "error::FutureWarning",
      "-c",
      program,
      JSON.stringify(input),
    ],
    {
      maxBuffer: 256 * 1024 * 1024,
    },
  );
  return JSON.parse(stdout) as Result;
}
