import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openAccess } from "../../adapters/access.ts";
import { backUp, restore } from "../../adapters/backup.ts";
import { openObjects } from "../../adapters/objects.ts";
import { openRuns } from "../../adapters/runs.ts";
import { loadConfig, type Config } from "../../config.ts";
import { digestOf, type Manifest } from "../../services/archives/document.ts";
import { lockSqliteRuns } from "../../services/runs/sqlite/lock.ts";
import { leased, sampleCommit, sampleRun } from "../services/runs-fixtures.ts";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const AWAITED = "hs-run-a-i1-p-a1";
const CANCELLED = "hs-run-a-i1-c-a1";
const ENDED = "hs-run-a-i1-p-a0";
/** Of the next iteration, whose prompt the copied runs have not chosen. */
const BEGUN_LATER = "hs-run-a-i2-p-a1";

/** A job in the form of the local executor, in the states one after the other. */
async function putJob(dataDir: string, jobId: string, states: readonly string[]): Promise<void> {
  const folder = join(dataDir, "batch", "jobs", jobId);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "spec.json"), `{"spec":{"job_id":"${jobId}","run_id":"run-a"}}\n`);
  for (const [number, state] of states.entries())
    await writeFile(
      join(folder, `state.${number}.json`),
      JSON.stringify({ state, at: number, ...(state === "RUNNING" ? { runner: OTHERS } : {}) }),
    );
}
const OTHERS = { pid: process.pid, started: "of another folder" };

/** A data folder with a run in the midst of its jobs, an object, knowledge and a mail. */
async function filled(): Promise<{ config: Config; backup: string; copy: Config }> {
  const [dataDir, parent] = [await temporaryFolder(), await temporaryFolder()];
  const config = loadConfig({}, dataDir);
  const runs = await openRuns(config);
  await runs.insert(sampleRun("run-a"), leased);
  const jobs = [AWAITED, CANCELLED, ENDED].map((job_id) => ({ job_id }));
  await runs.commit([
    sampleCommit("run-a", {
      document: sampleRun("run-a", { status: "running" }),
      snapshot: JSON.stringify({ value: "inferring", context: { jobs } }),
    }),
  ]);
  await runs.close();
  await (await openAccess(config)).close();
  const objects = await openObjects(config);
  await objects.putText("results/run-a/run-a_log.json", "{}");
  await objects.close();
  await putJob(dataDir, AWAITED, ["QUEUED", "SCHEDULED", "RUNNING"]);
  await putJob(dataDir, CANCELLED, ["QUEUED", "CANCELLATION_IN_PROGRESS"]);
  await putJob(dataDir, ENDED, ["QUEUED", "SCHEDULED", "RUNNING", "SUCCEEDED"]);
  await putJob(dataDir, BEGUN_LATER, ["QUEUED", "SCHEDULED", "RUNNING", "SUCCEEDED"]);
  const jobMade = join(dataDir, "objects/batch-io/run-a/iter_1/predictions.h5ad");
  await mkdir(dirname(jobMade), { recursive: true });
  await writeFile(jobMade, "written by a program");
  for (const [folder, name] of [
    ["knowledge", "mine.json"],
    ["mail", "run-a.eml"],
    ["mail", ".1.part"],
    ["cache", "answer.json"],
  ] as const) {
    await mkdir(join(dataDir, folder), { recursive: true });
    await writeFile(join(dataDir, folder, name), name);
  }
  return { config, backup: join(parent, "backup"), copy: loadConfig({}, join(parent, "copy")) };
}

const filesBelow = async (folder: string): Promise<string[]> =>
  existsSync(folder)
    ? (await readdir(folder, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
        .toSorted()
    : [];

const code = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "done",
    (thrown: { code?: unknown; message: string }) => thrown.code ?? thrown.message,
  );

test("a copy has the stores, the objects, the knowledge and the mails, and of the jobs what the copied runs know, each ended", async () => {
  const { config, backup, copy } = await filled();
  const manifest = await backUp(config, backup, { link: false });
  expect(manifest.left_out).toEqual([
    { path: `batch/jobs/${BEGUN_LATER}`, why: "it was begun after the runs were copied" },
  ]);
  await restore(copy, backup);
  const job = (jobId: string, states: number): string[] => [
    `batch/jobs/${jobId}/spec.json`,
    ...Array.from({ length: states }, (_, number) => `batch/jobs/${jobId}/state.${number}.json`),
  ];
  expect(await filesBelow(copy.dataDir)).toEqual(
    [
      ...job(AWAITED, 4),
      ...job(CANCELLED, 3),
      ...job(ENDED, 4),
      "access.sqlite",
      "knowledge/mine.json",
      "mail/run-a.eml",
      "objects/batch-io/run-a/iter_1/predictions.h5ad",
      "objects/results/run-a/run-a_log.json",
      "runs.sqlite",
      "runs.sqlite.lock",
    ].toSorted(),
  );
  const last = async (jobId: string, state: number): Promise<unknown> =>
    JSON.parse(
      await readFile(join(copy.dataDir, `batch/jobs/${jobId}/state.${state}.json`), "utf8"),
    ) as unknown;
  expect(await last(AWAITED, 3)).toMatchObject({ state: "FAILED", failure: { kind: "transient" } });
  expect(await last(CANCELLED, 2)).toMatchObject({ state: "CANCELLED" });
});

test("results that a copied run has and the copy does not are told", async () => {
  const { config, backup } = await filled();
  const runs = await openRuns(config);
  for (const id of ["run-kept", "run-pruned"])
    await runs.insert(sampleRun(id, { status: "completed", current_phase: null }));
  await runs.close();
  const objects = await openObjects(config);
  await objects.putText("results/run-kept/run-kept_log.json", "{}");
  await objects.close();
  const { left_out } = await backUp(config, backup, { link: false });
  expect(left_out.map(({ path }) => path)).toEqual([
    `batch/jobs/${BEGUN_LATER}`,
    "objects/results/run-pruned",
  ]);
});

test("with --link objects are shared, and what happens to the originals changes no copy of them", async () => {
  const { config, backup, copy } = await filled();
  const log = "objects/results/run-a/run-a_log.json";
  const predictions = "objects/batch-io/run-a/iter_1/predictions.h5ad";
  await backUp(config, backup, { link: true });
  const inode = async (folder: string, path: string): Promise<number> =>
    (await stat(join(folder, path))).ino;
  expect(await inode(backup, log)).toBe(await inode(config.dataDir, log));
  expect(await inode(backup, predictions)).not.toBe(await inode(config.dataDir, predictions));
  await writeFile(join(config.dataDir, predictions), "written anew, in place");
  const objects = await openObjects(config);
  await objects.putText("results/run-a/run-a_log.json", '{"another":1}');
  await objects.close();
  await restore(copy, backup);
  expect(await readFile(join(copy.dataDir, log), "utf8")).toBe("{}");
  expect(await readFile(join(copy.dataDir, predictions), "utf8")).toBe("written by a program");
  expect(await inode(copy.dataDir, log)).not.toBe(await inode(backup, log));
});

test("what is copied while others write is what was committed at one moment", async () => {
  const { config, backup, copy } = await filled();
  const runs = await openRuns(config);
  onTestFinished(() => runs.close());
  let inserted = 0;
  let isDone = false;
  const writing = (async () => {
    for (; !isDone; inserted++) await runs.insert(sampleRun(`run-${inserted}`));
  })();
  await expect.poll(() => inserted).toBeGreaterThan(50);
  const before = inserted;
  await backUp(config, backup, { link: false });
  const after = inserted;
  isDone = true;
  await writing;
  await restore(copy, backup);
  const copied = await openRuns(copy);
  onTestFinished(() => copied.close());
  const numbers = (await copied.list({ limit: 1_000_000 }))
    .map(({ run_id }) => Number(run_id.slice("run-".length)))
    .filter((number) => !Number.isNaN(number))
    .toSorted((a, b) => a - b);
  expect(numbers).toEqual(numbers.map((_, index) => index));
  expect(numbers.length).toBeGreaterThanOrEqual(before);
  expect(numbers.length).toBeLessThanOrEqual(after + 1);
});

const flip = async (file: string): Promise<void> => {
  await chmod(file, 0o600);
  const bytes = await readFile(file);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await writeFile(file, bytes);
};

test("every file of a backup that is not what was written is found, and then nothing is restored", async () => {
  const { config, backup, copy } = await filled();
  const { files } = await backUp(config, backup, { link: false });
  for (const path of ["manifest.json", ...files.map((file) => file.path)]) {
    const file = join(backup, path);
    const whole = await readFile(file);
    const damages: Readonly<Record<string, () => Promise<void>>> = {
      flipped: () => flip(file),
      cut: () => truncate(file, Math.floor(whole.length / 2)),
      absent: () => rename(file, `${file}.away`),
    };
    for (const [name, damage] of Object.entries(damages)) {
      await damage();
      expect([path, name, await code(restore(copy, backup))]).toEqual([
        path,
        name,
        "ARCHIVE_INVALID",
      ]);
      if (name === "absent") await rename(`${file}.away`, file);
      await writeFile(file, whole);
      expect(await filesBelow(copy.dataDir)).not.toContain("runs.sqlite");
      expect(existsSync(join(copy.dataDir, ".restoring"))).toBe(false);
    }
  }
  expect(await code(restore(copy, backup))).toBe("done");
});

test("a manifest that names files elsewhere, or of another kind or release, is refused", async () => {
  const { config, backup, copy } = await filled();
  const manifest = await backUp(config, backup, { link: false });
  const file = join(backup, "manifest.json");
  const written = async (changes: Partial<Record<keyof Manifest, unknown>>): Promise<unknown> => {
    const changed = { ...manifest, ...changes };
    await writeFile(file, JSON.stringify({ ...changed, sha256: digestOf(changed) }));
    return code(restore(copy, backup));
  };
  const [first] = manifest.files;
  for (const path of ["../outside", "/etc/passwd", "a//b", "a/../../b", "", "a\\b", "a\nb"])
    expect([path, await written({ files: [{ ...first, path }] })]).toEqual([
      path,
      "ARCHIVE_INVALID",
    ]);
  expect(await written({ kind: "run" })).toBe("ARCHIVE_INVALID");
  expect(await written({ format: 2 })).toBe("ARCHIVE_UNSUPPORTED");
  expect(await written({ software: { name: "haystack", version: "99.0.0" } })).toBe(
    "ARCHIVE_UNSUPPORTED",
  );
  expect(existsSync(copy.dataDir)).toBe(false);
  expect(await written({})).toBe("done");
});

test("neither goes where something is, nor where a daemon or the original is", async () => {
  const { config, backup, copy } = await filled();
  expect(await code(backUp(config, dirname(config.dataDir), { link: false }))).toBe(
    "FOLDER_OCCUPIED",
  );
  expect(await code(backUp(config, join(config.dataDir, "backups/1"), { link: false }))).toBe(
    "USAGE",
  );
  expect(await code(backUp(copy, backup, { link: false }))).toBe("FILE_NOT_FOUND");
  expect(existsSync(backup)).toBe(false);
  await backUp(config, backup, { link: false });
  expect(await code(backUp(config, backup, { link: false }))).toBe("FOLDER_OCCUPIED");
  expect(await code(restore(config, backup))).toBe("FOLDER_OCCUPIED");
  const unlock = lockSqliteRuns({ file: join(copy.dataDir, "runs.sqlite") });
  expect(await code(restore(copy, backup))).toBe("STORE_LOCKED");
  unlock();
  expect(await code(restore(copy, backup))).toBe("done");
  expect(await code(restore(copy, backup))).toBe("FOLDER_OCCUPIED");
});

test("what is kept in MongoDB is backed up there, and that is said", async () => {
  const { config, backup, copy } = await filled();
  const kept = (place: Config): Config => ({ ...place, MONGODB_URI: "mongodb://127.0.0.1:1" });
  const said = expect.objectContaining({
    code: "USAGE",
    message: expect.stringContaining("back them up with mongodump") as string,
  }) as Error;
  await expect(backUp(kept(config), backup, { link: false })).rejects.toEqual(said);
  expect(existsSync(backup)).toBe(false);
  await backUp(config, backup, { link: false });
  await expect(restore(kept(copy), backup)).rejects.toEqual(said);
  expect(await code(restore({ ...copy, GCS_BUCKET: "cells" }, backup))).toBe("USAGE");
  expect(existsSync(copy.dataDir)).toBe(false);
});

test("a store that is damaged inside is not copied as if it were whole", async () => {
  const { config, backup } = await filled();
  const runs = await openRuns(config);
  for (let number = 0; number < 300; number++) await runs.insert(sampleRun(`run-${number}`));
  await runs.close();
  const file = join(config.dataDir, "runs.sqlite");
  const bytes = await readFile(file);
  bytes.fill(0x5a, bytes.length - 3 * 4096 - 2000, bytes.length - 2000);
  await writeFile(file, bytes);
  expect(await code(backUp(config, backup, { link: false }))).toBe("FILE_DAMAGED");
  expect(await code(restore(loadConfig({}, join(dirname(backup), "copy")), backup))).toBe(
    "ARCHIVE_INVALID",
  );
});

/** The command kills itself between two steps of its work, as soon as the file is there. */
async function killedAt(args: readonly string[], file: string): Promise<NodeJS.Signals | null> {
  const looking = `
    import { existsSync } from "node:fs";
    const look = () => {
      if (existsSync(${JSON.stringify(file)})) process.kill(process.pid, "SIGKILL");
      setImmediate(look).unref();
    };
    look();`;
  const child = spawn(
    process.execPath,
    [`--import=data:text/javascript,${encodeURIComponent(looking)}`, "bin/haystack.mjs", ...args],
    { stdio: "ignore" },
  );
  const [, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return signal;
}

test("what a killed backup or restore leaves is never taken for whole, and is done anew", async () => {
  const { config, backup, copy } = await filled();
  const objects = await openObjects(config);
  for (let number = 0; number < 400; number++)
    await objects.putText(`results/run-${number}/log.json`, `${number}`);
  await objects.close();
  const half = join(dirname(backup), "half");
  expect(
    await killedAt(
      ["backup", half, "--data-dir", config.dataDir],
      join(half, "objects/results/run-0"),
    ),
  ).toBe("SIGKILL");
  expect(existsSync(join(half, "objects/results/run-0"))).toBe(true);
  expect(await code(restore(copy, half))).toBe("ARCHIVE_INVALID");
  expect(existsSync(copy.dataDir)).toBe(false);

  await backUp(config, backup, { link: false });
  expect(
    await killedAt(
      ["restore", backup, "--data-dir", copy.dataDir],
      join(copy.dataDir, ".restoring/objects/results/run-0"),
    ),
  ).toBe("SIGKILL");
  for (const args of [
    ["list"],
    ["serve"],
    ["token", "list"],
    ["atlas", "list"],
    ["knowledge", "list"],
    ["backup", join(dirname(backup), "of-half")],
  ]) {
    const { code: exit, stderr } = await haystack([...args, "--data-dir", copy.dataDir], {
      env: { HTTP_PORT: "0", LOG_FORMAT: "plain" },
    });
    expect([args, exit, stderr]).toEqual([
      args,
      2,
      expect.stringMatching(/has not ended; wait for it, or, if it was stopped, do it again/),
    ]);
  }
  await restore(copy, backup);
  expect(await filesBelow(join(copy.dataDir, "objects"))).toEqual(
    await filesBelow(join(config.dataDir, "objects")),
  );
});

test("what another command makes while a restore begins stays, and the restore is refused", async () => {
  const { config, backup, copy } = await filled();
  await backUp(config, backup, { link: false });
  const submitted = async (): Promise<void> => {
    const runs = await openRuns(copy);
    await runs.insert(sampleRun("run-mine"));
    await runs.close();
  };
  await expect(restore(copy, backup, { onPart: submitted })).rejects.toMatchObject({
    code: "FOLDER_OCCUPIED",
  });
  expect(existsSync(join(copy.dataDir, ".restoring"))).toBe(false);
  const runs = await openRuns(copy);
  expect((await runs.get("run-mine"))?.document.run_id).toBe("run-mine");
  await runs.close();
});

test("a restore that ends between two names is refused as a whole, and done anew", async () => {
  const { config, backup, copy } = await filled();
  await backUp(config, backup, { link: false });
  await restore(copy, backup);
  await mkdir(join(copy.dataDir, ".restoring"));
  await rename(join(copy.dataDir, "runs.sqlite"), join(copy.dataDir, ".restoring/runs.sqlite"));
  expect(await code(openRuns(copy))).toBe("RESTORE_UNFINISHED");
  await restore(copy, backup);
  const runs = await openRuns(copy);
  expect((await runs.get("run-a"))?.document.status).toBe("running");
  await runs.close();
});
