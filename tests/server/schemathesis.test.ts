import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import { daemonPlace } from "../support/daemon-process.ts";
import { describeWith, placeOf } from "../support/describe-with.ts";
import { openEvents } from "../support/event-stream.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { FUZZER } from "../support/real-parts.ts";
import { ADA, QUESTION } from "./api-harness.ts";

/** `npm run fuzz:api` follows what answers lead to for so long, in place of the short tour. */
const MINUTES = Number(process.env["FUZZ_MINUTES"] ?? 0);
/** Only for what hangs: a machine under load needs minutes. */
const LONGEST_MS = 540_000 + MINUTES * 60_000;
/** A stream that ends when its client leaves. */
const ENDLESS = "^/api/v1/events";
/** A list that is too long may make a body that is too large. */
const SETTINGS = `[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429"]
`;
/** A generated body may be megabytes. */
const LONGEST_LINE = 400;
const PHASES =
  MINUTES > 0
    ? ["--phases", "examples,stateful", "--max-time", String(MINUTES * 60)]
    : ["--phases", "examples,coverage,fuzzing"];

interface Description {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<string, { readonly parameters?: { readonly name: string; examples?: object }[] }>
      >
    >
  >;
}

interface LogLine {
  readonly level: string;
  readonly code?: string;
  readonly method?: string;
  readonly route?: string;
  readonly run_id?: string;
  readonly status?: number;
}

/** Answers what the fuzzer says when it found something, and "" when it found nothing. */
async function fuzz(
  url: string,
  description: string,
  token: string,
  selection: readonly string[],
): Promise<string> {
  const args = [
    "run",
    description,
    "--url",
    url,
    "--header",
    `Authorization: Bearer ${token}`,
    ...selection,
    // Valid by its form is not yet answerable: a question must also be understood.
    "--exclude-checks",
    "positive_data_acceptance",
    // One worker: ast.parse of Python 3.11 fails now and then in threads.
    ...PHASES,
    "--max-examples",
    "8",
    "--seed",
    "1",
    "--workers",
    "1",
    "--request-timeout",
    "10",
    "--continue-on-failure",
    // How fast the fuzzer itself thinks is nothing about the API.
    "--suppress-health-check",
    "too_slow",
    "--generation-database",
    "none",
    "--no-shrink",
    "--no-color",
    "--warnings",
    "off",
  ];
  const cwd = await temporaryFolder();
  await writeFile(path.join(cwd, "schemathesis.toml"), SETTINGS);
  const child = spawn(placeOf(FUZZER), args, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LONGEST_MS,
    env: { ...process.env, PYTHONWARNINGS: "ignore" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number | null];
  const lines = output.split("\n").map((line) => line.slice(0, LONGEST_LINE));
  return code === 0 ? "" : `${code}\n${lines.join("\n").slice(-20_000)}`;
}

/**
 * The daemon's own description, with what there is in its data as examples: no generator guesses
 * the id of a run.
 */
async function describedBy(
  url: string,
  known: Readonly<Record<string, readonly string[]>>,
): Promise<string> {
  const description = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as Description;
  const parameters = Object.values(description.paths).flatMap((methods) =>
    Object.values(methods).flatMap(({ parameters: some = [] }) => some),
  );
  for (const parameter of parameters) {
    const values = known[parameter.name];
    if (values !== undefined)
      parameter.examples = Object.fromEntries(values.map((value) => [value, { value }]));
  }
  const file = path.join(await temporaryFolder(), "openapi.json");
  await writeFile(file, JSON.stringify(description));
  return file;
}

/** Answers the names of the run's files when it has completed. */
async function completed(url: string, token: string, runId: string): Promise<string[]> {
  const { ended } = await openEvents(`${url}/api/v1/runs/${runId}/events`, { token });
  await ended;
  const answer = await fetch(`${url}/api/v1/runs/${runId}/result`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return ((await answer.json()) as { files: { name: string }[] }).files.map(({ name }) => name);
}

describeWith(FUZZER)("the API of a daemon under a fuzzer", () => {
  test(
    "has no fault of the server, no answer that its description does not know, and no hang, for a user and an administrator",
    async () => {
      const { url, tokens, serve } = await daemonPlace({
        AUTH: "token",
        LOG_FORMAT: "json",
        MAX_ACTIVE_RUNS: "1",
        HTTP_REQUESTS_PER_MINUTE: "1000000",
        HTTP_FAILURES_PER_MINUTE: "1000000",
      });
      const [[user = ""], [admin = ""]] = [
        await tokens([ADA], "user"),
        await tokens(["root@example.org"], "admin"),
      ];
      const stop = await serve();
      const headers = { authorization: `Bearer ${user}`, "content-type": "application/json" };
      const submitted = await fetch(`${url}/api/v1/runs`, {
        method: "POST",
        headers,
        body: JSON.stringify({
          query: QUESTION,
          config: { max_iterations: 1, prompt_cells: 20, query_cells: 20 },
          random_seed: 7,
        }),
      });
      const { run_id } = (await submitted.json()) as RunDocument;
      const known = {
        id: [run_id],
        name: await completed(url, user, run_id),
        key: [`${run_id}:run_completed`],
        dataset: ["simulated"],
        search: ["monocyte"],
        range: ["bytes=0-99"],
      };
      const description = await describedBy(url, known);
      const kept = ["--exclude-method", "DELETE"];
      const outputs = await Promise.all([
        fuzz(url, description, user, [
          ...kept,
          "--include-path-regex",
          "^/api/",
          "--exclude-path-regex",
          `${ENDLESS}$`,
        ]),
        // Draining would make the daemon unready, as it should.
        fuzz(url, description, admin, [...kept, "--exclude-path-regex", `(/drain|${ENDLESS})$`]),
      ]);
      // The run that the others look at may be gone after it.
      outputs.push(await fuzz(url, description, admin, ["--include-method", "DELETE"]));
      expect(outputs).toEqual(["", "", ""]);
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      const ended = await stop("SIGTERM");
      expect(ended.code).toBe(0);
      const lines = ended.stderr
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as LogLine);
      expect(
        lines.filter(
          ({ level, code }) => ["error", "fatal"].includes(level) || code === "INTERNAL",
        ),
      ).toEqual([]);
      const tally = Map.groupBy(
        lines.filter(({ status }) => status !== undefined),
        ({ status = 0 }) => `${Math.floor(status / 100)}xx`,
      );
      expect(tally.get("5xx") ?? []).toEqual([]);
      if (MINUTES > 0) {
        const counts = [...tally].map(([kind, some]) => `${some.length} ${kind}`).toSorted();
        process.stdout.write(`${counts.join(", ")} in ${MINUTES} minutes\n`);
        return;
      }
      const answers = new Set(
        lines.map(
          (line) =>
            `${line.method} ${line.route} ${line.status}${line.run_id === run_id ? " of the run" : ""}`,
        ),
      );
      const wanted = [
        ...["", "/events", "/result", "/files/:name"].map(
          (part) => `GET /api/v1/runs/:id${part} 200 of the run`,
        ),
        ...["", "/actors", "/history"].map((part) => `GET /admin/runs/:id${part} 200 of the run`),
        ...["datasets", "cell-types", "perturbations"].map(
          (part) => `GET /api/v1/atlas/${part} 200`,
        ),
        "GET /api/v1/runs/:id/files/:name 206 of the run",
        "POST /api/v1/runs 201",
        "POST /api/v1/questions/check 200",
        "DELETE /api/v1/runs/:id 204 of the run",
      ];
      expect(wanted.filter((answer) => !answers.has(answer))).toEqual([]);
    },
    LONGEST_MS + 60_000,
  );
});
