import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { startTestServer } from "../support/server.ts";

const program = path.resolve(path.dirname(process.env["HAYSTACK_TEST_PYTHON"] ?? ".cache/venv/bin/python"), "schemathesis");
const hint = "install .ci/requirements.txt into .cache/venv";

if (!existsSync(program)) {
  if (process.env["CI"] === "true") throw new Error(`CI needs schemathesis: ${hint}.`);
  process.stderr.write(`The fuzzing of the API is skipped: ${hint}.\n`);
}

/** Only for what hangs: a machine under load needs minutes. */
const LONGEST_MS = 540_000;

/** Streams that end with their run only, and what stops the daemon under test. */
const LEFT_OUT = "/events$|/drain$";

function fuzz(args: readonly string[], cwd: string): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: LONGEST_MS, env: { ...process.env, PYTHONWARNINGS: "ignore" } });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.on("error", reject).on("close", (code) => resolve({ code, output }));
  });
}

describe.skipIf(!existsSync(program))("the API under a fuzzer", () => {
  test("has no fault of the server, no answer that its description does not know, and no hang", async () => {
    const server = await startTestServer({ env: { AUTH: "token", HTTP_REQUESTS_PER_MINUTE: "1000000", HTTP_FAILURES_PER_MINUTE: "1000000" } });
    const { code, output } = await fuzz(
      [
        "run", `${server.url}/api/v1/openapi.json`, "--url", server.url,
        "--header", `Authorization: Bearer ${await server.token("admin@example.org", "admin")}`,
        "--exclude-path-regex", LEFT_OUT,
        // Valid by its form is not yet answerable: a question must also be understood.
        "--exclude-checks", "positive_data_acceptance",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "8", "--seed", "1", "--workers", "2", "--request-timeout", "10", "--continue-on-failure",
        // How fast the fuzzer itself thinks is nothing about the API.
        "--suppress-health-check", "too_slow",
        "--generation-database", "none", "--no-shrink", "--no-color", "--warnings", "off",
      ],
      await temporaryFolder(),
    );
    expect([code, code === 0 ? "" : output.slice(-20_000)]).toEqual([0, ""]);
    expect(server.troubles.filter(({ code: trouble }) => trouble === "INTERNAL")).toEqual([]);
  }, LONGEST_MS + 60_000);
});
