import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describeWith, placeOf } from "./describe-with.ts";
import { CELL_EVAL, PYTHON } from "./real-parts.ts";

const run = promisify(execFile);

/** A suite that compares with Python (anndata, scanpy, scipy). */
export const describeWithPython = describeWith(PYTHON);

/** No argument of a program may be as long as some inputs are. */
const INPUT = "import sys\nsys.argv[1:] = [sys.stdin.read()]\n";
/** A suite that compares with Arc's cell-eval. */
export const describeWithCellEval = describeWith(PYTHON, CELL_EVAL);

/**
 * Runs a Python program with `input` as JSON in sys.argv[1]; warnings are errors; returns the JSON
 * it prints.
 */
export async function runPython<Result>(program: string, input: unknown = {}): Promise<Result> {
  const running = run(
    placeOf(PYTHON),
    ["-W", "error::UserWarning", "-W", "error::FutureWarning", "-c", `${INPUT}${program}`],
    { maxBuffer: 256 * 1024 * 1024 },
  );
  running.child.stdin?.end(JSON.stringify(input));
  const { stdout } = await running;
  return JSON.parse(stdout) as Result;
}
