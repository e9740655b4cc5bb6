import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { InferenceJobSpec } from "../../services/batch/index.ts";
import { fillCommand } from "../../services/batch/local/command.ts";
import {
  createJob,
  jobRoot,
  type LocalJob,
  makeRoot,
  mapFiles,
  readHistory,
  runnerOf,
} from "../../services/batch/local/job.ts";
import { launchRunner } from "../../services/batch/local/launch.ts";
import { dequeue, enqueue, readQueue } from "../../services/batch/local/queue.ts";
import { jobSpec, pairOf } from "./batch.contract.ts";
import {
  fileAppears,
  type LocalHarness,
  localHarness,
  PROGRAM_COMMAND,
  running,
} from "./local-batch-harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const ENDED = ["SUCCEEDED", "FAILED", "CANCELLED"] as const;

const folderOf = (harness: LocalHarness, spec: InferenceJobSpec): string =>
  join(harness.root, "jobs", spec.job_id);

async function runnerPid(harness: LocalHarness, spec: InferenceJobSpec): Promise<number> {
  const runner = runnerOf(await readHistory(folderOf(harness, spec)));
  if (runner === undefined) throw new Error("The job has no runner.");
  return runner.pid;
}

/** The address of one of our modules, as source text. */
const moduleText = (path: string): string =>
  JSON.stringify(new URL(`../../services/${path}`, import.meta.url).href);

const TRANSIENT = {
  kind: "transient",
  reason: "The process that supervised the job ended, perhaps because the machine was restarted.",
  exit_code: null,
};

test("a job that ends while no executor lives is told by the next one, and ran once", async () => {
  const before = await localHarness();
  const spec = jobSpec();
  const { file, release } = before.gate();
  await before.putInputs(spec, { until: file });
  await before.batch.submit(spec);
  await before.started(spec);
  await before.batch.close();
  await release();
  await fileAppears(join(folderOf(before, spec), "state.3.json"));
  expect(before.events.seen.map((event) => event.state)).not.toContain("SUCCEEDED");

  const after = before.again();
  expect(await after.events.until(spec.job_id, ENDED)).toEqual({
    event_id: `${spec.job_id}.succeeded`,
    job_id: spec.job_id,
    state: "SUCCEEDED",
  });
  expect(await after.runs(spec)).toBe(1);
});

test("a running job is watched on, and can be cancelled, by the next executor; queued jobs are started", async () => {
  const before = await localHarness({ maxConcurrent: 2 });
  const [lasting, stopped, queued] = [jobSpec(), jobSpec(), jobSpec()];
  const { file, release } = before.gate();
  for (const spec of [lasting, stopped, queued]) {
    await before.putInputs(spec, { until: file });
    await before.batch.submit(spec);
  }
  await before.started(lasting);
  const processes = await before.pids(stopped);
  await before.batch.close();

  const after = before.again();
  expect((await after.batch.get(queued.job_id))?.state).toBe("QUEUED");
  await after.batch.cancel(stopped.job_id);
  await after.events.until(stopped.job_id, ["CANCELLED"]);
  expect(await running(processes)).toEqual([false]);
  await after.started(queued);
  await release();
  for (const spec of [lasting, queued]) {
    expect((await after.events.until(spec.job_id, ENDED)).state).toBe("SUCCEEDED");
    expect(await after.runs(spec)).toBe(1);
  }
});

test("an executor in a daemon that is killed leaves its job running for the next", async () => {
  const harness = await localHarness();
  await harness.batch.close();
  const spec = jobSpec();
  const { file, release } = harness.gate();
  await harness.putInputs(spec, { until: file });
  const daemon = join(harness.root, "daemon.ts");
  await writeFile(
    daemon,
    `import { localBatch } from ${moduleText("batch/local/service.ts")};
     import { systemClock } from ${moduleText("clock/system.ts")};
     const batch = localBatch({ root: ${JSON.stringify(harness.root)}, location: (path) => ${JSON.stringify(join(harness.root, "..", "the objects"))} + "/" + path,
       clock: systemClock, onChange() {}, onError: console.error, program: { command: ${JSON.stringify(PROGRAM_COMMAND)}, model: { name: "test", is_baseline: true } } });
     await batch.submit(${JSON.stringify(spec)});
     setInterval(() => {}, 1000);`,
  );
  const child: ChildProcess = spawn(process.execPath, [daemon], { stdio: "inherit" });
  onTestFinished(() => void child.kill("SIGKILL"));
  await harness.started(spec);
  child.kill("SIGKILL");
  await once(child, "exit");

  const after = harness.again();
  await release();
  expect((await after.events.until(spec.job_id, ENDED)).state).toBe("SUCCEEDED");
  expect(await after.runs(spec)).toBe(1);
});

test.each(["while the executor lives", "while none lives"])(
  "a runner that is killed %s fails the job as transient, once its program is gone",
  async (when) => {
    const before = await localHarness();
    const spec = jobSpec();
    await before.putInputs(spec, {
      until: before.gate().file,
      ignoreSigterm: true,
      children: true,
    });
    await before.batch.submit(spec);
    const processes = await before.pids(spec);
    const runner = await runnerPid(before, spec);
    if (when === "while none lives") await before.batch.close();
    process.kill(runner, "SIGKILL");
    const harness = when === "while none lives" ? before.again() : before;
    await harness.events.until(spec.job_id, ENDED);
    expect(await harness.batch.get(spec.job_id)).toStrictEqual({
      job_id: spec.job_id,
      state: "FAILED",
      failure: TRANSIENT,
      run_seconds: expect.any(Number) as number,
    });
    expect(await running(processes)).toEqual([false, false, false]);
  },
);

test("a runner that is told to stop from outside stops its program; the job fails as transient", async () => {
  const harness = await localHarness();
  const spec = jobSpec();
  await harness.putInputs(spec, { until: harness.gate().file });
  await harness.batch.submit(spec);
  const processes = await harness.pids(spec);
  process.kill(await runnerPid(harness, spec), "SIGTERM");
  await harness.events.until(spec.job_id, ENDED);
  expect(await harness.batch.get(spec.job_id)).toStrictEqual({
    job_id: spec.job_id,
    state: "FAILED",
    failure: { ...TRANSIENT, reason: "The inference program was stopped by another program." },
    run_seconds: expect.any(Number) as number,
  });
  expect(await running(processes)).toEqual([false]);
});

test("a job being cancelled when its runner dies ends as CANCELLED", async () => {
  const before = await localHarness();
  const spec = jobSpec();
  await before.putInputs(spec, { until: before.gate().file });
  await before.batch.submit(spec);
  const processes = await before.pids(spec);
  const runner = await runnerPid(before, spec);
  await before.batch.close();
  process.kill(runner, "SIGKILL");
  await before.batch.cancel(spec.job_id);
  const after = before.again();
  await after.events.until(spec.job_id, ["CANCELLED"]);
  expect(await running(processes)).toEqual([false]);
});

/** A job on disk as a crash may have left it, with the states after QUEUED. */
async function forge(
  harness: LocalHarness,
  spec: InferenceJobSpec,
  states: readonly object[],
): Promise<void> {
  const root = jobRoot(harness.root);
  await makeRoot(root);
  const folder = join(root.jobs, spec.job_id);
  const files = mapFiles(spec, (path) => join(harness.root, "..", "the objects", path));
  await createJob(
    root,
    folder,
    { spec, command: PROGRAM_COMMAND, cwd: harness.root, ...files, stop_grace_ms: 200 },
    0,
  );
  for (const [index, state] of states.entries())
    await writeFile(join(folder, `state.${index + 1}.json`), JSON.stringify(state));
  await enqueue(root, spec.job_id);
}

test("a process that now has the dead runner's id is left alone", async () => {
  const before = await localHarness();
  await before.batch.close();
  const spec = jobSpec();
  const stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  onTestFinished(() => void stranger.kill("SIGKILL"));
  await forge(before, spec, [
    { state: "SCHEDULED", at: 0 },
    { state: "RUNNING", at: 0, runner: { pid: stranger.pid, started: "another-boot:123" } },
  ]);
  const after = before.again();
  await after.events.until(spec.job_id, ENDED);
  expect(await after.batch.get(spec.job_id)).toStrictEqual({
    job_id: spec.job_id,
    state: "FAILED",
    failure: TRANSIENT,
    run_seconds: expect.any(Number) as number,
  });
  expect(stranger.exitCode).toBeNull();
  expect(await running([stranger.pid ?? 0])).toEqual([true]);
});

test("a job that was scheduled when its executor died is started by the next", async () => {
  const before = await localHarness();
  await before.batch.close();
  const spec = jobSpec();
  await before.putInputs(spec, {});
  await forge(before, spec, [{ state: "SCHEDULED", at: 0 }]);
  const after = before.again();
  expect((await after.events.until(spec.job_id, ENDED)).state).toBe("SUCCEEDED");
  expect(await after.runs(spec)).toBe(1);
});

test("a damaged job is reported and holds up no other", async () => {
  const before = await localHarness({ maxConcurrent: 1 });
  await before.batch.close();
  const [damaged, sound] = [jobSpec(), jobSpec()];
  await before.putInputs(sound, {});
  await forge(before, damaged, []);
  await writeFile(join(folderOf(before, damaged), "state.1.json"), "{");
  const after = before.again();
  await after.batch.submit(sound);
  expect((await after.events.until(sound.job_id, ENDED)).state).toBe("SUCCEEDED");
  expect(after.errors[0]).toBeInstanceOf(SyntaxError);
});

test("of two runners of one job one takes it (L3)", async () => {
  const harness = await localHarness();
  await harness.batch.close();
  const spec = jobSpec();
  const { file, release } = harness.gate();
  await harness.putInputs(spec, { until: file });
  await forge(harness, spec, [{ state: "SCHEDULED", at: 0 }]);
  const left = Promise.withResolvers<void>();
  const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  for (const { promise, resolve } of both) {
    await launchRunner(harness.root, folderOf(harness, spec), resolve);
    void promise.then(left.resolve);
  }
  await harness.started(spec);
  await left.promise;
  await release();
  await Promise.all(both.map(({ promise }) => promise));
  expect((await readHistory(folderOf(harness, spec))).map((entry) => entry.state)).toEqual([
    "QUEUED",
    "SCHEDULED",
    "RUNNING",
    "SUCCEEDED",
  ]);
  expect(await harness.runs(spec)).toBe(1);
});

test("the queue keeps submit order under contention, and a number is never used twice", async () => {
  const root = jobRoot(await temporaryFolder());
  await makeRoot(root);
  await Promise.all(["a", "b", "c", "a"].map((jobId) => enqueue(root, jobId)));
  const entries = await readQueue(root);
  expect(new Set(entries.map((entry) => entry.jobId))).toEqual(new Set(["a", "b", "c"]));
  const highest = entries.at(-1)?.number ?? 0;
  await dequeue(root, entries, () => true);
  expect((await readQueue(root)).map((entry) => entry.number)).toEqual([highest]);
  await enqueue(root, "d");
  expect((await readQueue(root)).at(-1)).toEqual({ number: highest + 1, jobId: "d" });
});

test("a job that was created but not queued when its executor died is queued by the repeated submit", async () => {
  const before = await localHarness();
  await before.batch.close();
  const spec = jobSpec();
  await before.putInputs(spec, {});
  await forge(before, spec, []);
  const queue = join(before.root, "queue");
  for (const name of await readdir(queue)) await rm(join(queue, name));
  const after = before.again();
  await after.batch.submit(spec);
  expect((await after.events.until(spec.job_id, ENDED)).state).toBe("SUCCEEDED");
});

test("two executors on one folder: each job runs once, no more at once than allowed, and both are told of the ends", async () => {
  const one = await localHarness({ maxConcurrent: 2, pollMs: 20 });
  const two = one.again();
  const log = join(one.root, "log");
  const specs = Array.from({ length: 8 }, () => jobSpec());
  for (const spec of specs) await one.putInputs(spec, { log });
  await Promise.all(
    specs.flatMap((spec, index) =>
      index % 3 === 0
        ? [one.batch.submit(spec), two.batch.submit(spec)]
        : [(index % 3 === 1 ? one : two).batch.submit(spec)],
    ),
  );
  for (const spec of specs) {
    expect(
      (
        await Promise.all([one, two].map((executor) => executor.events.until(spec.job_id, ENDED)))
      ).map((event) => event.state),
    ).toEqual(["SUCCEEDED", "SUCCEEDED"]);
    expect(await one.runs(spec)).toBe(1);
  }
  let count = 0;
  for (const sign of await readFile(log, "utf8")) {
    count += sign === "+" ? 1 : -1;
    expect(count).toBeLessThanOrEqual(2);
  }
  for (const executor of [one, two]) {
    expect(executor.errors).toEqual([]);
    expect(new Set(executor.events.seen.map((event) => event.event_id)).size).toBe(
      executor.events.seen.length,
    );
  }
});

test("ended and told jobs leave the queue, so that a start costs what is alive", async () => {
  const harness = await localHarness({ pollMs: 20 });
  const specs = Array.from({ length: 5 }, () => jobSpec());
  for (const spec of specs) {
    await harness.putInputs(spec, {});
    await harness.batch.submit(spec);
  }
  await Promise.all(specs.map((spec) => harness.events.until(spec.job_id, ENDED)));
  const last = jobSpec();
  await harness.putInputs(last, {});
  await harness.batch.submit(last);
  await harness.events.until(last.job_id, ENDED);
  await harness.batch.close();
  const after = harness.again();
  await after.events.until(last.job_id, ENDED);
  expect(after.events.seen.map((event) => event.job_id)).toEqual([last.job_id]);
});

test("a job that an earlier release queued, with all paths in full, is run", async () => {
  const harness = await localHarness();
  await harness.batch.close();
  const spec = jobSpec();
  await harness.putInputs(spec, {});
  await forge(harness, spec, []);
  const file = join(folderOf(harness, spec), "spec.json");
  const { command, pairs, manifest, ...job } = JSON.parse(await readFile(file, "utf8")) as LocalJob;
  const inFull = mapFiles({ pairs, manifest }, (name) => join(harness.root, name));
  const { name: kind, ...files } = pairOf({ ...spec, ...inFull });
  const argv = fillCommand(command, { ...files, seed: "42" });
  const { pairs: objects, manifest: _, ...earlier } = { ...job.spec, kind };
  const specOfThen = { ...earlier, ...objects[0], name: undefined };
  await writeFile(file, JSON.stringify({ ...job, spec: specOfThen, argv, files }));
  const after = harness.again();
  expect((await after.events.until(spec.job_id, ENDED)).state).toBe("SUCCEEDED");
  expect(await after.output(spec)).toBeDefined();
});
