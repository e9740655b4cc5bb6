import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openRuns } from "../../adapters/runs.ts";
import { lockSqliteRuns } from "../../services/runs/sqlite/lock.ts";
import { loadConfig } from "../../config.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { ADA, pastRun, startApi } from "../server/api-harness.ts";
import { haystack, type Outcome } from "../support/command-line.ts";
import type { Golden } from "../support/golden-snapshots.ts";
import { placeOf } from "../support/describe-with.ts";
import { describeWithPython } from "../support/python.ts";
import { PYTHON } from "../support/real-parts.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { scriptedSummary } from "../support/scripted-effects.ts";
import { describeWithMongodb, startMongodb } from "../support/mongodb.ts";

const DAY_MS = 86_400_000;
const QUESTION = "How would B cells respond to IFN-beta?";

const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();
const queued = (run_id: string, changes: Partial<RunDocument> = {}): RunDocument =>
  pastRun(run_id, ADA, { status: "pending", current_phase: "pending", ...changes });

async function placeWith(...documents: readonly RunDocument[]) {
  const folder = await temporaryFolder();
  const store = await openRuns(loadConfig({}, folder));
  for (const document of documents) await store.insert(document);
  await store.close();
  const run = (...args: string[]): Promise<Outcome> =>
    haystack([...args, "--data-dir", folder], { env: { COMPUTE_PROCESSES: "1" } });
  return { folder, run };
}

const idsIn = ({ stdout }: Outcome): string[] =>
  (JSON.parse(stdout) as { runs: RunDocument[] }).runs.map(({ run_id }) => run_id);

test("the beginning of an id is enough in every command; of several the candidates are named", async () => {
  const { run } = await placeWith(queued("run-a1"), queued("run-a2"), pastRun("run-b1", ADA));
  const status = await run("status", "run-b", "--json");
  expect([status.code, (JSON.parse(status.stdout) as RunDocument).run_id]).toEqual([0, "run-b1"]);
  expect((await run("watch", "run-b")).stdout).toMatch(/^run-b1: completed/);
  for (const command of ["status", "watch", "cancel", "retry", "logs", "open"]) {
    const { code, stderr } = await run(command, "run-a");
    expect([command, code, stderr]).toEqual([
      command,
      2,
      expect.stringContaining("run-a is the beginning of several ids (run-a2, run-a1)"),
    ]);
    expect((await run(command, "run-c")).stderr).toContain("There is no run run-c");
  }
  const cancelled = await run("cancel", "run-a1");
  expect([cancelled.code, cancelled.stdout]).toEqual([
    0,
    expect.stringContaining("run-a1: cancelled"),
  ]);
});

test("lists are filtered by words, name, label, age", async () => {
  const { run } = await placeWith(
    queued("run-1", { created_at: daysAgo(10), name: "Dose series" }),
    queued("run-2", { created_at: daysAgo(3), labels: { project: "x" } }),
    queued("run-3", { created_at: daysAgo(0.1), labels: { project: "x", plate: "2" } }),
  );
  const listed = async (...args: string[]) => idsIn(await run("list", "--json", ...args));
  expect(await listed("--text", "dose")).toEqual(["run-1"]);
  expect(await listed("--label", "project=x")).toEqual(["run-3", "run-2"]);
  expect(await listed("--label", "project=x", "--label", "plate=2")).toEqual(["run-3"]);
  expect(await listed("--newer-than", "5d")).toEqual(["run-3", "run-2"]);
  expect(await listed("--older-than", "1w")).toEqual(["run-1"]);
  expect(await listed("--older-than", daysAgo(5).slice(0, 10))).toEqual(["run-1"]);
  expect((await run("list", "--text", "nothing")).stdout).toContain("leave a filter out");
  for (const bad of [
    ["--newer-than", "yesterday"],
    ["--older-than", "-3d"],
    ["--label", "project"],
    ["--text", ""],
    ["--status", "done"],
  ])
    expect((await run("list", ...bad)).code).toBe(2);
});

test("name and labels are kept in the run, here and at a server, and found again", async () => {
  const { run } = await placeWith();
  const given = ["--name", "Dose series 1", "--label", "project=x", "--label", "plate=2"];
  const server = await startApi({ AUTH: "none" });
  onTestFinished(() => server.close());
  server.daemon.supervisor.drain(true);
  for (const place of [[], ["--server", server.url]]) {
    const at = (...args: string[]): Promise<Outcome> =>
      place.length === 0 ? run(...args) : haystack([...args, ...place]);
    const submitted = await at("submit", QUESTION, ...given, "--json");
    expect(JSON.parse(submitted.stdout)).toMatchObject({
      name: "Dose series 1",
      labels: { project: "x", plate: "2" },
    });
    const found = await at("list", "--json", "--text", "series", "--label", "plate=2");
    expect(idsIn(found)).toEqual([(JSON.parse(submitted.stdout) as RunDocument).run_id]);
    const status = await at("status", idsIn(found)[0]?.slice(0, 12) ?? "");
    expect(status.stdout).toContain("Name: Dose series 1\nLabels: project=x, plate=2\n");
  }
  for (const bad of [
    ["--name", ""],
    ["--name", "a\u001bb"],
    ["--label", "a b=c"],
    ["--label", "a="],
  ]) {
    const { code, stderr } = await run("submit", QUESTION, ...bad);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^haystack: --(name|label).*\.\n$/)]);
  }
});

test("many are cancelled at once, after a question that only a terminal can answer", async () => {
  const { run } = await placeWith(
    queued("run-1", { labels: { project: "x" } }),
    queued("run-2", { labels: { project: "x" } }),
    queued("run-3"),
    pastRun("run-4", ADA, { labels: { project: "x" } }),
  );
  const asked = await run("cancel", "--label", "project=x");
  expect([asked.code, asked.stderr]).toEqual([
    2,
    "haystack: This would cancel 2 runs, and there is no terminal to ask on; add --yes to do it.\n",
  ]);
  const done = await run("cancel", "--label", "project=x", "--yes", "--json");
  expect([done.code, idsIn(done)]).toEqual([0, ["run-2", "run-1"]]);
  const list = JSON.parse((await run("list", "--json")).stdout) as { runs: RunDocument[] };
  expect(Object.fromEntries(list.runs.map(({ run_id, status }) => [run_id, status]))).toEqual({
    "run-1": "cancelled",
    "run-2": "cancelled",
    "run-3": "pending",
    "run-4": "completed",
  });
  const again = await run("cancel", "--label", "project=x", "--yes");
  expect([again.code, again.stdout]).toEqual([0, "There are no runs to cancel.\n"]);
  for (const args of [[], ["run-3", "--all"]])
    expect((await run("cancel", ...args)).stderr).toContain("Say which run to cancel");
});

test("submit says that no daemon is there; status says what the run waits for", async () => {
  const { run } = await placeWith();
  const { stdout, stderr } = await run("submit", QUESTION);
  expect(stderr).toContain("No daemon is there to take the run");
  const status = await run("status", stdout.trim());
  expect(status.stdout).toContain("Waits for: a daemon that admits it");
  expect(status.stdout).toContain("Owner: nobody\n");
});

test("while a daemon has the store, submit says nothing of one, and the daemon keeps it", async () => {
  const { run, folder } = await placeWith();
  const unlock = lockSqliteRuns({ file: join(folder, "runs.sqlite") });
  expect(await run("submit", QUESTION)).toMatchObject({ code: 0, stderr: "" });
  expect(() => lockSqliteRuns({ file: join(folder, "runs.sqlite") })).toThrow("Another daemon");
  unlock();
  expect((await run("submit", QUESTION)).stderr).toContain("No daemon is there");
});

test("a run that nobody hosts is called interrupted, and retry is named", async () => {
  const { run, folder } = await placeWith();
  const text = await readFile("tests/machines/golden/v1-jobs-awaiting.json", "utf8");
  const { document, snapshot, machine } = JSON.parse(text) as Golden;
  const { run_id } = document;
  const store = await openRuns(loadConfig({}, folder));
  await store.insert({ ...document, status: "pending" }, { owner: "gone", expires_at: 1 });
  await store.commit([
    {
      run_id,
      expect: { revision: 0, token: 1, status: "pending" },
      document,
      snapshot,
      machine,
      wake_at: null,
      attention_at: 0,
      consumed: [],
      outbox: [],
      history: [],
    },
  ]);
  await store.close();
  expect((await run("list")).stdout).toContain(`interrupted: haystack retry ${run_id}`);
  const status = await run("status", run_id);
  expect(status.stdout).toContain(`Interrupted: nobody hosts it; haystack retry ${run_id}`);
  expect(status.stdout).toMatch(/job +iteration +kind +attempt +state/);
  expect(JSON.parse((await run("list", "--json")).stdout)).toMatchObject({
    runs: [{ run_id, interrupted: true }],
  });
});

describeWithPython("a question on a terminal", () => {
  test.each([
    ["y", "cancelled"],
    ["n", "pending"],
    ["", "pending"],
  ])("answered %j leaves the runs %s", async (answer, status) => {
    const { run, folder } = await placeWith(queued("run-1"), queued("run-2"));
    const shown = spawnSync(
      placeOf(PYTHON),
      [
        "tests/support/answer-on-terminal.py",
        "[y/N]",
        answer,
        process.execPath,
        "cli/haystack.ts",
        "cancel",
        "--all",
        "--data-dir",
        folder,
      ],
      { encoding: "utf8", env: { ...process.env, COMPUTE_PROCESSES: "1" } },
    );
    expect([shown.status, shown.stdout]).toEqual([
      0,
      expect.stringContaining("Do you want to cancel these 2 runs? [y/N]"),
    ]);
    const { runs } = JSON.parse((await run("list", "--json")).stdout) as { runs: RunDocument[] };
    expect(runs.map((each) => each.status)).toEqual([status, status]);
  });
});

describeWithMongodb("on MongoDB", () => {
  test("submit says that no daemon is there, until one is, idle as it may be", async () => {
    const server = await startMongodb();
    onTestFinished(() => server.stop());
    const env = { MONGODB_URI: server.uri, MONGODB_DATABASE: "presence" };
    const folder = await temporaryFolder();
    const submit = () => haystack(["submit", QUESTION, "--data-dir", folder], { env });
    expect((await submit()).stderr).toContain("No daemon is there to take the run; start one");
    const store = await openRuns(loadConfig(env, folder));
    onTestFinished(() => store.close());
    await store.presence?.renew("other", Date.now(), Date.now() + 600_000);
    expect((await submit()).stderr).toBe("");
  });
});

test("list says of a score that nothing could be measured for it", async () => {
  const unmeasured = (run_id: string, score: number | null): RunDocument =>
    pastRun(run_id, ADA, {
      final_score: 1,
      delivered_iteration: 1,
      iterations: [{ ...scriptedSummary(1, 1), component_scores: { pathway_coherence: score } }],
    });
  const { run } = await placeWith(unmeasured("run-none", null), unmeasured("run-one", 1));
  const { stdout } = await run("list");
  const rowOf = (id: string) => stdout.split("\n").find((line) => line.startsWith(id));
  expect(rowOf("run-none")).toContain("not measurable");
  expect(rowOf("run-one")).not.toContain("not measurable");
});
