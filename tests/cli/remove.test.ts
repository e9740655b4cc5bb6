import { expect, test } from "vitest";
import { openRuns } from "../../adapters/runs.ts";
import { loadConfig } from "../../config.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { ADA, pastRun, startApi } from "../server/api-harness.ts";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();
const ended = (id: string, days: number, changes: Partial<RunDocument> = {}): RunDocument =>
  pastRun(id, ADA, { created_at: daysAgo(days), completed_at: daysAgo(days), ...changes });

async function place(...documents: readonly RunDocument[]) {
  const folder = await temporaryFolder();
  const store = await openRuns(loadConfig({}, folder));
  for (const document of documents) await store.insert(document);
  await store.close();
  const run = (...args: string[]) => haystack([...args, "--data-dir", folder]);
  const ids = async (): Promise<string[]> => {
    const { runs } = JSON.parse((await run("list", "--json")).stdout) as { runs: RunDocument[] };
    return runs.map(({ run_id }) => run_id).toSorted();
  };
  return { run, ids };
}

test("delete takes one ended run by the beginning of its id, or several after --yes", async () => {
  const { run, ids } = await place(
    ended("run-a1", 3),
    ended("run-b1", 2),
    ended("run-b2", 1),
    ended("run-c1", 1, { status: "pending", completed_at: null }),
  );
  expect(await run("delete", "run-a")).toEqual({
    code: 0,
    stdout: "run-a1: deleted\n",
    stderr: "",
  });
  const unasked = await run("delete", "--status", "completed");
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining("add --yes")]);
  const refused = await run("delete", "run-c1");
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining("Run run-c1 has not ended"),
  ]);
  expect((await run("delete", "run-b1", "--all")).code).toBe(2);
  const all = await run("delete", "--all", "--yes", "--json");
  expect(JSON.parse(all.stdout)).toEqual({ deleted: ["run-b2", "run-b1"] });
  expect(await ids()).toEqual(["run-c1"]);
});

test("prune tells in a dry run what it would delete, and then deletes that", async () => {
  const { run, ids } = await place(ended("old", 40), ended("mid", 20), ended("new", 1));
  const dry = await run("prune", "--older-than", "30d", "--dry-run");
  expect([dry.code, dry.stdout]).toEqual([0, "Runs would be deleted: 1.\n"]);
  expect(await ids()).toEqual(["mid", "new", "old"]);
  const real = await run("prune", "--most", "2", "--keep-results", "--json");
  expect(JSON.parse(real.stdout)).toEqual({
    removed: [],
    thinned: ["old"],
    busy: [],
    dry_run: false,
  });
  expect((await run("prune", "--older-than", "10d")).stdout).toBe("Runs deleted: 2.\n");
  expect(await ids()).toEqual(["new"]);
});

test.each([
  [[], "Say which ended runs are to go"],
  [["--older-than", "soon"], "--older-than takes an age"],
  [["--most", "-1"], "--most takes a whole number"],
] as const)("prune %j is refused in one sentence", async (args, sentence) => {
  const { run } = await place();
  const { code, stderr } = await run("prune", ...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
});

test("delete talks to a server, too", async () => {
  const api = await startApi();
  await api.daemon.runs.insert(ended("run-a1", 1));
  const env = { HAYSTACK_SERVER: api.url, HAYSTACK_TOKEN: await api.token(ADA) };
  const gone = await haystack(["delete", "run-a1"], { env });
  expect(gone).toEqual({ code: 0, stdout: "run-a1: deleted\n", stderr: "" });
  const again = await haystack(["delete", "run-a1"], { env });
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("run-a1")]);
  expect(await api.daemon.runs.get("run-a1")).toBeUndefined();
  await api.close();
});

test("a daemon lets go what it is configured to let go when it starts", async () => {
  const folder = await temporaryFolder();
  const store = await openRuns(loadConfig({}, folder));
  for (const run of [ended("old", 40), ended("new", 1)]) await store.insert(run);
  await store.close();
  const { startTestServer } = await import("../support/server.ts");
  const server = await startTestServer({ dataDir: folder, env: { RETAIN_DAYS: "30" } });
  await expect.poll(() => server.daemon.runs.get("old")).toBeUndefined();
  expect(await server.daemon.runs.get("new")).toBeDefined();
  expect(server.troubles).toEqual([]);
  await server.close();
});
