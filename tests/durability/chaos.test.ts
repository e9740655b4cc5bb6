import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { executionsLog } from "../../bench/chaos-daemon.ts";
import { countEffects } from "../../bench/chaos-effects.ts";
import { runChaos } from "../../bench/chaos-run.ts";
import { run, temporaryFolder, temporaryStore } from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb } from "../support/mongodb.ts";

test("real daemons that are killed again and again lose no run, repeat no job and repeat no mail", { timeout: 600_000 }, async () => {
  const result = await runChaos({ runs: 12, kills: 4, seed: 1, daemons: 1, limitSeconds: 540, log: () => undefined });
  expect(result).toMatchObject({ runs: 12, completed: 12, lost: [], failed: [], duplicate_jobs: 0, duplicate_mails: 0, kills: 4, crashes: 0 });
  expect(result.job_executions).toBe(result.jobs_needed);
});

describeWithMongodb("on MongoDB", () => {
  test("two daemons that share the runs and are killed lose no run, repeat no job and repeat no mail", { timeout: 600_000 }, async () => {
    const server = await startMongodb();
    onTestFinished(() => server.stop());
    const result = await runChaos({ runs: 12, kills: 3, seed: 2, daemons: 2, mongodbUri: server.uri, limitSeconds: 540, log: () => undefined });
    expect(result).toMatchObject({ runs: 12, completed: 12, lost: [], failed: [], duplicate_jobs: 0, duplicate_mails: 0, kills: 3, crashes: 0 });
    expect(result.job_executions).toBe(result.jobs_needed);
    expect(Math.min(...result.moved_runs)).toBeGreaterThan(0);
  });
});

test("the count from outside sees a repeated job, a repeated mail, and runs that are gone, unfinished or without their results", async () => {
  const folder = await temporaryFolder();
  const store = await temporaryStore();
  await store.insert(run("unfinished"));
  await store.insert({ ...run("no-results"), status: "completed", output_anndata_path: join(folder, "missing.h5ad"), output_report_path: folder, output_log_path: folder });
  await appendFile(executionsLog(folder), "hs-a-i1-p-a1 out\nhs-a-i1-c-a1 out\nhs-a-i1-p-a1 out\nhs-a-i1-p-a2 out\n");
  await mkdir(join(folder, "mail"));
  for (const name of ["no-results.run_completed.1.eml", "no-results.run_completed.2.eml"]) await writeFile(join(folder, "mail", name), "");
  expect(await countEffects(store, folder, ["unfinished", "no-results", "gone"])).toMatchObject({
    completed: 0,
    lost: ["unfinished", "no-results", "gone"],
    duplicate_jobs: 1,
    duplicate_mails: 1,
    job_executions: 4,
  });
});
