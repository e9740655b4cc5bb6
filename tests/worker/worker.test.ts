import { resolve } from "node:path";
import { expect, test } from "vitest";
import { describeWithPython, runPython } from "../support/python.ts";

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Runs `python -m ...` in worker/, with warnings and bytecode as Python has them by default. */
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
    const { code, output } = await pythonModule("pytest", "-q", "--tb=short");
    expect(output, "pytest comes with .ci/requirements-worker.txt").not.toContain("No module named pytest");
    expect(code, output).toBe(0);
    expect(output).toMatch(/^\d+ passed in /m);
  });

  test("its types hold", { timeout: 300_000 }, async () => {
    const { code, output } = await pythonModule("mypy", "--cache-dir=/dev/null");
    expect(output, "mypy comes with .ci/requirements-worker.txt").not.toContain("No module named mypy");
    expect(code, output).toBe(0);
  });
});
