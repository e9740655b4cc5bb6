import { resolve } from "node:path";
import { expect, test } from "vitest";
import { describeWithPython, runPython } from "../support/python.ts";

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Runs `python -m ...` in worker/. pytest and mypy come with .ci/requirements-worker.txt. */
const pythonModule = (...args: readonly string[]): Promise<Ended> =>
  runPython<Ended>(
    `
import json, os, subprocess, sys
given = json.loads(sys.argv[1])
ended = subprocess.run([sys.executable, "-m", *given["args"]], cwd=given["folder"], env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
print(json.dumps({"code": ended.returncode, "output": ended.stdout}))`,
    { args, folder: resolve("worker") },
  );

describeWithPython("the STACK worker", () => {
  test("its own tests pass: each exit code and each guard", { timeout: 600_000 }, async () => {
    expect(await pythonModule("pytest", "-q", "--tb=short")).toEqual({
      code: 0,
      output: expect.stringMatching(/^\d+ passed in /m) as string,
    });
  });

  test("its types hold", { timeout: 300_000 }, async () => {
    expect(await pythonModule("mypy", "--cache-dir=/dev/null")).toEqual({
      code: 0,
      output: expect.stringContaining("no issues found") as string,
    });
  });
});
