import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errorBody, HaystackError, type ErrorCode } from "../../errors.ts";
import { ERROR_CATALOGUE } from "../../error-catalogue.ts";
import { errorBodySchema } from "../../server/errors.ts";
import { haystack } from "../support/command-line.ts";
import { startTestServer } from "../support/server.ts";

const body = errorBodySchema.strict();
const typeOf = (status: number): string =>
  status < 500 ? "client" : status === 500 ? "server" : "upstream";

test("docs/operations.md lists exactly the error catalogue", () => {
  const rows = readFileSync("docs/operations.md", "utf8")
    .split("\n")
    .filter((line) => /^\| [A-Z_0-9]+ \|/.test(line));
  const documented = rows.map((row) =>
    row
      .split("|")
      .slice(1, 5)
      .map((cell) => cell.trim()),
  );
  const catalogue = Object.entries(ERROR_CATALOGUE).map(
    ([code, { retryable, httpStatus, exitCode }]) => [
      code,
      retryable ? "yes" : "no",
      String(httpStatus),
      String(exitCode),
    ],
  );
  expect(documented).toEqual(catalogue);
  for (const row of rows) expect(row.split("|")[5]?.trim()).not.toBe("");
});

test("every code is raised somewhere", () => {
  const sources = globSync(
    "{actors,adapters,cli,config,insight,machines,science,server,services}/**/*.ts",
  )
    .concat(globSync("*.ts"))
    .map((file) => readFileSync(file, "utf8").replace(/ERROR_CATALOGUE = \{[^]+?\n\}/, ""))
    .join("\n");
  expect(
    Object.keys(ERROR_CATALOGUE).filter((code) => !new RegExp(`"${code}"`).test(sources)),
  ).toEqual([]);
});

test("every code is told in the one form, with the type of its status", () => {
  for (const [code, { httpStatus }] of Object.entries(ERROR_CATALOGUE)) {
    const told = body.parse(
      errorBody(
        new HaystackError(code as ErrorCode, "It happened.", {
          details: { run_id: "r1", column: "x" },
        }),
      ),
    );
    expect(told).toEqual({
      error: code,
      error_type: typeOf(httpStatus),
      message: "It happened.",
      details: { column: "x" },
      run_id: "r1",
    });
  }
});

test("HTTP and the command line tell an error by the same words", async () => {
  const { url, config, daemon } = await startTestServer();
  const overHttp = await (await fetch(`${url}/api/v1/runs/run-none`)).json();
  const { stdout } = await haystack(["status", "run-none", "--json", "--server", url]);
  expect(body.parse(JSON.parse(stdout))).toEqual(body.parse(overHttp));
  const here = body.parse(
    JSON.parse(
      (await haystack(["status", "run-none", "--json", "--data-dir", config.dataDir])).stdout,
    ),
  );
  expect(here).toMatchObject({ error: "RUN_NOT_FOUND", error_type: "client" });
  daemon.supervisor.drain(true);
  for (const path of ["/readyz", "/nowhere", "/api/v1/runs?limit=x"]) {
    const response = await fetch(`${url}${path}`);
    const { error, error_type } = body.parse(await response.json());
    expect([ERROR_CATALOGUE[error].httpStatus, error_type]).toEqual([
      response.status,
      typeOf(response.status),
    ]);
  }
});

/** What a sentence says of doing the same again: not of making a file anew. */
const RETRY =
  /\b(try|send|ask|submit|run|start|repeat)( \w+){0,3} again\b|\bretr(y|ied)\b|\blater\b/i;

test("where no retry helps, the advice is no retry", () => {
  const sources = globSync(
    "{actors,adapters,cli,config,insight,machines,science,server,services}/**/*.ts",
  ).concat(globSync("*.ts"));
  const wrong: string[] = [];
  let seen = 0;
  for (const file of sources)
    for (const [, code = "", text = ""] of readFileSync(file, "utf8").matchAll(
      /HaystackError\(\s*"(\w+)",\s*(`[^`]*`|"[^"]*")/g,
    )) {
      seen += 1;
      if (!ERROR_CATALOGUE[code as ErrorCode].retryable && RETRY.test(text))
        wrong.push(`${file}: ${code} ${text}`);
    }
  expect(seen).toBeGreaterThan(150);
  expect(wrong).toEqual([]);
});

test("one place words what is not there and what is not configured", () => {
  const sources = globSync("{actors,cli,config,server,services}/**/*.ts").concat("config.ts");
  const elsewhere = sources.filter((file) =>
    /HaystackError\(\s*"(OBJECT_NOT_FOUND|ATLAS_NOT_FOUND)"/.test(readFileSync(file, "utf8")),
  );
  expect(elsewhere).toEqual([]);
});
