import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import type { JobOutputs } from "../../server/runs/schemas.ts";
import { haystack, type Outcome } from "../support/command-line.ts";
import { simulatedAtlas } from "../support/daemon-process.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { startTestServer } from "../support/server.ts";

const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";
const SMALL = ["--control-strategy", "query_as_control", "--max-iterations", "1"];
const SECRET = "sk-very-secret-0001";

/** Says something on both outputs and fails. */
const TALKATIVE = `"${process.execPath}" -e "console.log('to stdout'); console.error('with ${SECRET}\\u001b[31m'); process.exit(4)" {prompt} {query} {output} {seed}`;

async function place(env: Record<string, string> = {}) {
  const dataDir = await temporaryFolder();
  await simulatedAtlas(dataDir);
  const run = (...args: string[]): Promise<Outcome> =>
    haystack([...args, "--data-dir", dataDir], { env: { COMPUTE_PROCESSES: "1", ...env } });
  return { dataDir, run };
}

test("logs show what the program said, attempt by attempt, here and at a server; secrets hidden", async () => {
  const { dataDir, run } = await place({ INFERENCE_COMMAND: TALKATIVE });
  const failed = await run("run", QUESTION, ...SMALL, "--json");
  const { run_id, status } = JSON.parse(failed.stdout) as RunDocument;
  expect([failed.code, status]).toEqual([1, "failed"]);
  const env = { OPENAI_API_KEY: SECRET, OPENAI_BASE_URL: "http://127.0.0.1:9/v1" };
  const here = await haystack(["logs", run_id, "--data-dir", dataDir], { env });
  expect([here.code, here.stdout]).toEqual([
    0,
    expect.stringMatching(
      /^== \S+: iteration 1, prediction, attempt 1, failed\n(to stdout\n)?with \(hidden\)\\u001b\[31m\n/,
    ),
  ]);
  expect(here.stdout).toContain("to stdout");
  expect(here.stdout).toContain("attempt 2, failed");
  expect(here.stdout + here.stderr).not.toContain(SECRET);
  const server = await startTestServer({ dataDir, env });
  onTestFinished(() => server.close());
  const asJson = await haystack(["logs", run_id, "--json", "--data-dir", dataDir], { env });
  const there = await fetch(`${server.url}/api/v1/runs/${run_id}/logs`);
  expect((await there.json()) as JobOutputs).toEqual(JSON.parse(asJson.stdout));
  const over = await haystack(["logs", run_id, "--server", server.url]);
  expect(over.stdout).toBe(here.stdout);
});

test("a secret in the program's last words stands in nothing that is kept or shown", async () => {
  const telling = `"${process.execPath}" -e "console.error('401 for ${SECRET}'); process.exit(4)" -- --token=${SECRET} {prompt} {query} {output} {seed}`;
  const { dataDir, run } = await place({ INFERENCE_COMMAND: telling });
  const failed = await run("run", QUESTION, ...SMALL, "--json");
  const { run_id } = JSON.parse(failed.stdout) as RunDocument;
  const shown = await haystack(["status", run_id, "--json", "--data-dir", dataDir]);
  expect(shown.stdout).toContain("401 for (hidden)");
  const kept = await readFile(join(dataDir, "runs.sqlite"), "latin1");
  for (const text of [failed.stdout, failed.stderr, shown.stdout, kept])
    expect(text).not.toContain(SECRET);
});

test("open gives the report to the platform's browser, and its path where there is none", async () => {
  const { dataDir, run } = await place();
  const submitted = await run("submit", QUESTION);
  const early = await run("open", submitted.stdout.trim());
  expect([early.code, early.stderr]).toEqual([
    2,
    expect.stringContaining("is pending and has no report"),
  ]);

  const done = await run("run", QUESTION, ...SMALL, "--json");
  const { run_id, output_report_path } = JSON.parse(done.stdout) as RunDocument;
  const folder = join(dataDir, "bin");
  const browser = join(folder, "browser");
  const seen = join(folder, "seen");
  await mkdir(join(folder, "applications"), { recursive: true });
  await writeFile(browser, `#!/bin/sh\nprintf '%s' "$1" > ${seen}\n`);
  await chmod(browser, 0o755);
  await writeFile(
    join(folder, "applications", "browser.desktop"),
    `[Desktop Entry]\nType=Application\nName=Browser\nExec=${browser} %u\nMimeType=text/html;\n`,
  );
  await writeFile(
    join(folder, "mimeapps.list"),
    "[Default Applications]\ntext/html=browser.desktop\n",
  );
  // xdg-open asks the desktop's files where it can, and BROWSER where there are none.
  const env = {
    DISPLAY: ":0",
    BROWSER: browser,
    XDG_CONFIG_HOME: folder,
    XDG_DATA_HOME: folder,
    XDG_DATA_DIRS: folder,
  };
  const opened = await haystack(["open", run_id, "--data-dir", dataDir, "--json"], { env });
  expect([opened.code, JSON.parse(opened.stdout)]).toEqual([
    0,
    { run_id, report: output_report_path, opened: true },
  ]);
  // A browser that is slow to begin counts as one, too.
  await expect
    .poll(() => readFile(seen, "utf8").catch(() => ""))
    .toContain(`${run_id}_report.html`);

  const nowhere = await haystack(["open", run_id, "--data-dir", dataDir], {
    env: { DISPLAY: ":0", BROWSER: join(folder, "none"), PATH: folder },
  });
  expect([nowhere.code, nowhere.stdout, nowhere.stderr]).toEqual([
    0,
    `${output_report_path}\n`,
    expect.stringContaining("There is no browser"),
  ]);
});
