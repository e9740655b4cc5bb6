import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";
import { backUp, restore } from "../../adapters/backup.ts";
import { openRuns } from "../../adapters/runs.ts";
import { resultObjects } from "../../actors/run-objects.ts";
import { loadConfig } from "../../config.ts";
import { haystack, type Outcome } from "../support/command-line.ts";
import { serveOn, simulatedAtlas } from "../support/daemon-process.ts";
import { TIME } from "../support/expected-runs.ts";
import { run, temporaryFolder } from "../support/hosted-runs.ts";

const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";
const QUICK = ["--control-strategy", "query_as_control", "--max-iterations", "1"];

/** A daemon whose predictions begin once `gate` is there. */
const environment = (gate: string): Record<string, string> => ({
  HTTP_PORT: "0",
  LOG_FORMAT: "plain",
  COMPUTE_PROCESSES: "1",
  POLL_MILLISECONDS: "50",
  RECONCILE_SECONDS: "1",
  INFERENCE_COMMAND: `"${process.execPath}" "${resolve("tests/support/held-baseline.ts")}" "${gate}" --prompt {prompt} --query {query} --output {output}`,
});

const json = ({ code, stdout, stderr }: Outcome): unknown => {
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return JSON.parse(stdout);
};

const statusIn = async (folder: string, runId: string): Promise<string | undefined> => {
  const runs = await openRuns(loadConfig({}, folder));
  try {
    return (await runs.get(runId))?.document.status;
  } finally {
    await runs.close();
  }
};

const ENDS = { timeout: 60_000, interval: 200 };

test("what a daemon with runs under way is copied to is restored elsewhere, finishes all of them, and leaves the original alone", async () => {
  const [dataDir, parent, gates] = await Promise.all([
    temporaryFolder(),
    temporaryFolder(),
    temporaryFolder(),
  ]);
  const [backup, copy] = [join(parent, "backup"), join(parent, "copy")];
  const [gate, otherGate] = [join(gates, "gate"), join(gates, "other-gate")];
  const env = environment(gate);
  await simulatedAtlas(dataDir);
  const submit = async (): Promise<string> =>
    (
      await haystack(["submit", QUESTION, ...QUICK, "--seed", "3", "--data-dir", dataDir], { env })
    ).stdout.trim();
  const stop = await serveOn(dataDir, env);
  await writeFile(gate, "");
  const ended = await submit();
  await expect.poll(() => statusIn(dataDir, ended), ENDS).toBe("completed");
  await rm(gate);
  await rm(`${gate}.begun`);
  const underWay = [await submit(), await submit()];
  await expect.poll(() => existsSync(`${gate}.begun`), ENDS).toBe(true);

  const made = json(await haystack(["backup", backup, "--data-dir", dataDir, "--json"]));
  expect(made).toMatchObject({ created_at: TIME });
  const restored = await haystack(["restore", backup, "--data-dir", copy]);
  expect([restored.code, restored.stdout]).toEqual([
    0,
    expect.stringContaining(`${copy} is as ${dataDir} was at `),
  ]);

  const results = resultObjects(ended);
  for (const path of Object.values(results))
    expect(await readFile(join(copy, "objects", path))).toEqual(
      await readFile(join(dataDir, "objects", path)),
    );
  const shown = json(await haystack(["status", ended, "--json", "--data-dir", copy]));
  expect(shown).toMatchObject({ output_anndata_path: join(copy, "objects", results.anndata) });

  await writeFile(otherGate, "");
  const stopCopy = await serveOn(copy, environment(otherGate));
  for (const runId of underWay)
    await expect.poll(() => statusIn(copy, runId), ENDS).toBe("completed");
  expect((await stopCopy("SIGTERM")).code).toBe(0);
  for (const runId of underWay)
    expect(existsSync(join(copy, "objects", resultObjects(runId).anndata))).toBe(true);

  expect(await Promise.all(underWay.map((runId) => statusIn(dataDir, runId)))).not.toContain(
    "completed",
  );
  const states = globSync(`${dataDir}/batch/jobs/*/state.*.json`).map((file) =>
    readFileSync(file, "utf8"),
  );
  expect(states.filter((text) => /CANCEL|FAILED/.test(text))).toEqual([]);
  expect(globSync(`${dataDir}/objects/batch-io/*/*/predictions.h5ad`)).toHaveLength(1);
  await writeFile(gate, "");
  for (const runId of underWay)
    await expect.poll(() => statusIn(dataDir, runId), ENDS).toBe("completed");
  expect((await stop("SIGTERM")).code).toBe(0);
});

test("a data folder that was moved before it was backed up is restored with the results where they are now", async () => {
  const [dataDir, parent] = await Promise.all([temporaryFolder(), temporaryFolder()]);
  const [backup, copy] = [join(parent, "backup"), join(parent, "copy")];
  const before = "/srv/where/it/was";
  const { anndata, report } = resultObjects("r1");
  for (const path of [anndata, report]) {
    await mkdir(dirname(join(dataDir, "objects", path)), { recursive: true });
    await writeFile(join(dataDir, "objects", path), "result");
  }
  const runs = await openRuns(loadConfig({}, dataDir));
  await runs.insert({
    ...run("r1"),
    status: "completed",
    output_anndata_path: join(before, "objects", anndata),
    output_report_path: join(before, "objects", resultObjects("r10").report),
    output_log_path: "gs://objects/objects/results/r1/r1_log.json",
  });
  await runs.close();
  await backUp(loadConfig({}, dataDir), backup, { link: false });
  await restore(loadConfig({}, copy), backup);
  const restored = await openRuns(loadConfig({}, copy));
  const document = (await restored.get("r1"))?.document;
  await restored.close();
  expect(document).toMatchObject({
    output_anndata_path: join(copy, "objects", anndata),
    output_report_path: join(before, "objects", resultObjects("r10").report),
    output_log_path: "gs://objects/objects/results/r1/r1_log.json",
  });
});
