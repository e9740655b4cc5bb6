import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { executionsLog, INFERENCE } from "../../bench/chaos-daemon.ts";
import { mayMountDisk } from "../../bench/chaos-disk.ts";
import { FAULT_KINDS } from "../../bench/chaos-faults.ts";
import { leftoversOf, orphansOf } from "../../bench/chaos-left.ts";
import { countEffects, isSound } from "../../bench/chaos-effects.ts";
import { runChaos } from "../../bench/chaos-run.ts";
import { run, temporaryFolder, temporaryStore } from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb } from "../support/mongodb.ts";

test(
  "real daemons that are killed and frozen, also on a full disk, also with their group, their computations and their job runners, lose no run, repeat no job and repeat no mail",
  { timeout: 600_000 },
  async () => {
    const result = await runChaos({
      runs: 12,
      kills: 2,
      faults: FAULT_KINDS.length,
      seed: 1,
      daemons: 1,
      prompts: 2,
      limitSeconds: 540,
      log: () => undefined,
    });
    expect(result).toMatchObject({
      runs: 12,
      completed: 12,
      lost: [],
      failed: [],
      duplicate_jobs: 0,
      duplicate_mails: 0,
      kills: 2,
      orphans: [],
      leftovers: [],
      ...(mayMountDisk()
        ? { faults: { runner: 1, compute: 1, group: 1, freeze: 1, disk: 1 }, faults_left_out: [] }
        : { faults_left_out: ["disk"] }),
      crashes: 0,
    });
    expect(isSound(result)).toBe(true);
  },
);

describeWithMongodb("on MongoDB", () => {
  test(
    "two daemons that share the runs and are killed lose no run, repeat no job and repeat no mail",
    { timeout: 600_000 },
    async () => {
      const server = await startMongodb();
      onTestFinished(() => server.stop());
      const result = await runChaos({
        runs: 12,
        kills: 3,
        seed: 2,
        daemons: 2,
        mongodbUri: server.uri,
        limitSeconds: 540,
        log: () => undefined,
      });
      expect(result).toMatchObject({
        runs: 12,
        completed: 12,
        lost: [],
        failed: [],
        duplicate_jobs: 0,
        duplicate_mails: 0,
        kills: 3,
        orphans: [],
        leftovers: [],
        crashes: 0,
      });
      expect(result.job_executions).toBe(result.jobs_needed);
      expect(Math.min(...result.moved_runs)).toBeGreaterThan(0);
    },
  );
});

test(
  "the count from outside sees what is damaged after real runs: gone, without results, a job done again, a job more than needed, a mail sent again",
  { timeout: 300_000 },
  async () => {
    const counts: object[] = [];
    const result = await runChaos({
      runs: 3,
      kills: 0,
      seed: 1,
      daemons: 1,
      limitSeconds: 240,
      log: () => undefined,
      async onCounted(store, folders, runIds) {
        const { dataDir } = folders;
        const log = executionsLog(folders.witness);
        const [job = "", output = ""] = (await readFile(log, "utf8")).split(/[ \n]/);
        const infer = (name: string) =>
          promisify(execFile)(INFERENCE, [log, log, log, output], {
            env: { ...process.env, HAYSTACK_LOCAL_JOB: name },
          });
        const after = async (damage: Promise<unknown>): Promise<void> => {
          await damage;
          const counted = {
            runs: runIds.length,
            orphans: [],
            leftovers: await leftoversOf(store, dataDir, runIds),
            ...(await countEffects(store, folders, runIds)),
          };
          const { completed, lost, duplicate_jobs, duplicate_mails, job_executions, jobs_needed } =
            counted;
          counts.push({
            completed,
            lost,
            repeated: [duplicate_jobs, duplicate_mails],
            unneeded: job_executions - jobs_needed,
            sound: isSound(counted),
          });
        };
        await after(
          copyFile(
            join(dataDir, "mail", "chaos-2.run_completed.1.eml"),
            join(dataDir, "mail", "chaos-2.run_completed.2.eml"),
          ),
        );
        await rm(join(dataDir, "mail", "chaos-2.run_completed.2.eml"));
        await after(infer(job.replace("-a1", "-a2")));
        await after(infer(job));
        await after(rm((await store.get("chaos-1"))?.document.output_anndata_path ?? ""));
        const database = new DatabaseSync(join(dataDir, "runs.sqlite"), {
          enableForeignKeyConstraints: false,
        });
        database.exec("DELETE FROM runs WHERE run_id = 'chaos-0'");
        database.close();
        await after(Promise.resolve());
      },
    });
    expect(result).toMatchObject({
      completed: 3,
      lost: [],
      duplicate_jobs: 0,
      duplicate_mails: 0,
      job_executions: result.jobs_needed,
    });
    expect(isSound(result)).toBe(true);
    expect(counts).toEqual([
      { completed: 3, lost: [], repeated: [0, 1], unneeded: 0, sound: false },
      { completed: 3, lost: [], repeated: [0, 0], unneeded: 1, sound: false },
      { completed: 3, lost: [], repeated: [1, 0], unneeded: 2, sound: false },
      { completed: 2, lost: ["chaos-1"], repeated: [1, 0], unneeded: 2, sound: false },
      { completed: 1, lost: ["chaos-0", "chaos-1"], repeated: [1, 0], unneeded: 4, sound: false },
    ]);
  },
);

test("the count from outside sees a repeated job, a repeated mail, and runs that are gone, unfinished or without their results", async () => {
  const folder = await temporaryFolder();
  const store = await temporaryStore();
  await store.insert(run("unfinished"));
  await store.insert({
    ...run("no-results"),
    status: "completed",
    output_anndata_path: join(folder, "missing.h5ad"),
    output_report_path: folder,
    output_log_path: folder,
  });
  await appendFile(
    executionsLog(folder),
    "hs-a-i1-p-a1 out\nhs-a-i1-c-a1 out\nhs-a-i1-p-a1 out\nhs-a-i1-p-a2 out\n",
  );
  await mkdir(join(folder, "mail"));
  for (const name of ["no-results.run_completed.1.eml", "no-results.run_completed.2.eml"])
    await writeFile(join(folder, "mail", name), "");
  const folders = { dataDir: folder, witness: folder };
  expect(await countEffects(store, folders, ["unfinished", "no-results", "gone"])).toMatchObject({
    completed: 0,
    lost: ["unfinished", "no-results", "gone"],
    duplicate_jobs: 1,
    duplicate_mails: 1,
    job_executions: 4,
  });
});

test("the count from outside sees processes, jobs, events, mails and files that are left", async () => {
  const folder = await temporaryFolder();
  const store = await temporaryStore();
  await store.insert(run("left"), { owner: "gone", expires_at: Date.now() + 3_600_000 });
  await store.deliver("left", { id: "e", event: { type: "cancel.requested" } });
  const put = async (path: string, text = ""): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  await put("batch/jobs/hs-left-i1-p-a1/state.0.json", JSON.stringify({ state: "RUNNING", at: 0 }));
  await put("batch/jobs/hs-left-i1-p-a2/state.0.json", JSON.stringify({ state: "FAILED", at: 0 }));
  await put("batch/drafts/hs-left-i1-p-a1.x");
  await put("objects/.scratch/work-x");
  await put("objects/batch-io/left/iter_1/predictions.h5ad.part");
  await put("mail/.x.part");
  await put("mail/left.run_failed.1.eml");
  expect(await leftoversOf(store, folder, ["left"])).toEqual([
    "left: a lease of gone",
    "left: 1 events",
    "job hs-left-i1-p-a1: RUNNING",
    join(folder, "batch/drafts/hs-left-i1-p-a1.x"),
    join(folder, "objects/.scratch/work-x"),
    join(folder, "mail/.x.part"),
    join(folder, "objects/batch-io/left/iter_1/predictions.h5ad.part"),
  ]);
  const child = spawn("sleep", ["600"], { env: { ...process.env, OF: folder } });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "spawn");
  expect(await orphansOf(folder, 0)).toEqual([`${child.pid} sleep 600`]);
});
