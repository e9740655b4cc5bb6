import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { modelNamed } from "../../services/batch/index.ts";
import {
  BASELINE_PROGRAM,
  fillCommand,
  inferenceProgram,
} from "../../services/batch/local/command.ts";
import { identityOf, isAlive } from "../../services/batch/local/process.ts";
import { DELTA_TRANSFER } from "../../science/inference/delta-transfer.ts";
import { jobSpec, pairIn, pairOf } from "./batch.contract.ts";
import { localHarness, running } from "./local-batch-harness.ts";

const ENDED = ["SUCCEEDED", "FAILED", "CANCELLED"] as const;

test("each change of state is told once, in order and when it happens, by watching alone", async () => {
  const { batch, events, putInputs, gate, again } = await localHarness({ pollMs: 3_600_000 });
  const { file, release } = gate();
  const spec = jobSpec();
  await putInputs(spec, { until: file });
  const onlooker = again();
  expect((await batch.submit(spec)).state).toBe("QUEUED");
  await events.until(spec.job_id, ["RUNNING"]);
  await onlooker.events.until(spec.job_id, ["RUNNING"]);
  await release();
  await events.until(spec.job_id, ENDED);
  await onlooker.events.until(spec.job_id, ENDED);
  expect(events.seen).toEqual(
    (["QUEUED", "SCHEDULED", "RUNNING", "SUCCEEDED"] as const).map((state) => ({
      event_id: `${spec.job_id}.${state.toLowerCase()}`,
      job_id: spec.job_id,
      state,
    })),
  );
});

test("jobs wait for a slot in submit order and never more than maxConcurrent run, whatever becomes of them", async () => {
  const { batch, events, putInputs, root } = await localHarness({ maxConcurrent: 2 });
  const log = join(root, "log");
  const specs = Array.from({ length: 7 }, () => jobSpec());
  for (const [index, spec] of specs.entries()) {
    await putInputs(spec, { log, exit: index % 3 });
    await batch.submit(spec);
  }
  await Promise.all(specs.map((spec) => events.until(spec.job_id, ENDED)));
  const started = events.seen
    .filter((event) => event.state === "SCHEDULED")
    .map((event) => event.job_id);
  expect(started).toEqual(specs.map((spec) => spec.job_id));
  let count = 0;
  for (const sign of await readFile(log, "utf8")) {
    count += sign === "+" ? 1 : -1;
    expect(count).toBeLessThanOrEqual(2);
  }
  expect(count).toBe(0);
});

test("a queued job is cancelled without ever running and makes room for the next", async () => {
  const {
    batch,
    events,
    putInputs,
    gate,
    started,
    runs: runsOf,
  } = await localHarness({ maxConcurrent: 1 });
  const [first, second, third] = [jobSpec(), jobSpec(), jobSpec()];
  const { file, release } = gate();
  await putInputs(first, { until: file });
  for (const spec of [second, third]) await putInputs(spec, {});
  for (const spec of [first, second, third]) await batch.submit(spec);
  await started(first);
  await batch.cancel(second.job_id);
  await events.until(second.job_id, ["CANCELLED"]);
  expect((await batch.get(third.job_id))?.state).toBe("QUEUED");
  expect(await batch.get(second.job_id)).toEqual({ job_id: second.job_id, state: "CANCELLED" });
  await release();
  expect((await events.until(third.job_id, ENDED)).state).toBe("SUCCEEDED");
  expect(await runsOf(second)).toBe(0);
});

test("CANCELLED means that the whole program is gone: deaf to SIGTERM, children in its group and out of it", async () => {
  const { batch, events, putInputs, gate, pids } = await localHarness();
  const spec = jobSpec();
  await putInputs(spec, { until: gate().file, ignoreSigterm: true, children: true });
  await batch.submit(spec);
  const processes = await pids(spec);
  expect(processes).toHaveLength(3);
  expect(await running(processes)).toEqual([true, true, true]);
  await batch.cancel(spec.job_id);
  await events.until(spec.job_id, ENDED);
  expect(await running(processes)).toEqual([false, false, false]);
  expect(events.seen.map((event) => event.state)).toEqual([
    "QUEUED",
    "SCHEDULED",
    "RUNNING",
    "CANCELLATION_IN_PROGRESS",
    "CANCELLED",
  ]);
});

test("processes that a finished program left behind are gone when the job has ended", async () => {
  const { batch, events, putInputs, pids } = await localHarness();
  const spec = jobSpec();
  await putInputs(spec, { children: true });
  await batch.submit(spec);
  const processes = await pids(spec);
  expect((await events.until(spec.job_id, ENDED)).state).toBe("SUCCEEDED");
  expect(await running(processes)).toEqual([false, false, false]);
});

test("the file of an earlier attempt is not taken for this one's", async () => {
  const { batch, events, putInputs, output } = await localHarness();
  const first = jobSpec();
  const second = { ...first, attempt: 2, job_id: `${first.job_id}-again` };
  await putInputs(first, {});
  await batch.submit(first);
  await events.until(first.job_id, ["SUCCEEDED"]);
  await putInputs(second, { noOutput: true });
  await batch.submit(second);
  await events.until(second.job_id, ENDED);
  expect((await batch.get(second.job_id))?.failure).toEqual({
    kind: "application",
    reason: `The inference program ended without writing ${pairOf(second).output}.`,
    exit_code: 0,
  });
  expect(await output(second)).toBeUndefined();
});

test("failures name the missing input, the program that does not exist, and the signal", async () => {
  const { batch, events, putInputs, pids, gate, again } = await localHarness();
  const missing = jobSpec();
  await batch.submit(missing);
  await events.until(missing.job_id, ["FAILED"]);
  expect((await batch.get(missing.job_id))?.failure?.reason).toBe(
    `The prompt file ${pairOf(missing).prompt} is missing.`,
  );

  const killed = jobSpec();
  await putInputs(killed, { until: gate().file });
  await batch.submit(killed);
  process.kill((await pids(killed))[0] ?? 0, "SIGKILL");
  await events.until(killed.job_id, ["FAILED"]);
  expect((await batch.get(killed.job_id))?.failure).toEqual({
    kind: "application",
    reason: "The inference program was killed by SIGKILL: no reason was given.",
    exit_code: null,
  });
  await batch.close();

  const other = again({
    program: { command: ["no-such-program", "{prompt}"], model: { name: "x", is_baseline: false } },
  });
  const absent = jobSpec();
  await putInputs(absent, {});
  await other.batch.submit(absent);
  await other.events.until(absent.job_id, ["FAILED"]);
  expect((await other.batch.get(absent.job_id))?.failure).toStrictEqual({
    kind: "application",
    reason: "The inference program no-such-program could not be started: it does not exist.",
    exit_code: null,
  });
});

test.each([
  [1, undefined],
  [2, "never"],
  [3, "never"],
  [4, "once"],
  [5, "never"],
  [6, "never"],
  [99, undefined],
])(
  "exit code %i of the program is repeated %s, and its last line is the reason",
  async (exit, repeats) => {
    const { batch, events, putInputs } = await localHarness();
    const spec = jobSpec();
    await putInputs(spec, {
      exit,
      stderr: "Traceback: at line 3\nhaystack-worker: The prompt has no cells\n",
    });
    await batch.submit(spec);
    await events.until(spec.job_id, ["FAILED"]);
    expect((await batch.get(spec.job_id))?.failure).toEqual({
      kind: "application",
      reason: `The inference program ended with exit code ${exit}: haystack-worker: The prompt has no cells.`,
      exit_code: exit,
      ...(repeats === undefined ? {} : { repeats }),
    });
  },
);

test("of a flood on stderr the last 4 kB are kept, and its last line is the reason", async () => {
  const { batch, events, putInputs, root } = await localHarness();
  const spec = jobSpec();
  await putInputs(spec, {
    exit: 1,
    stderr: `${"progress 10%\r".repeat(400_000)}ValueError: no cells left\n`,
  });
  await batch.submit(spec);
  await events.until(spec.job_id, ["FAILED"]);
  expect((await batch.get(spec.job_id))?.failure?.reason).toBe(
    "The inference program ended with exit code 1: ValueError: no cells left.",
  );
  expect((await stat(join(root, "jobs", spec.job_id, "stderr.txt"))).size).toBe(4096);
});

test("the program sees what it needs of the environment and no secrets", async () => {
  process.env["SENDGRID_API_KEY"] = "secret";
  process.env["CUDA_VISIBLE_DEVICES"] = "0";
  onTestFinished(() => {
    delete process.env["SENDGRID_API_KEY"];
    delete process.env["CUDA_VISIBLE_DEVICES"];
  });
  const { batch, events, putInputs, output } = await localHarness();
  const spec = jobSpec();
  await putInputs(spec, {});
  await batch.submit(spec);
  await events.until(spec.job_id, ENDED);
  const { environment } = JSON.parse((await output(spec)) ?? "{}") as {
    environment: Record<string, string>;
  };
  const handedOn = Object.entries(process.env).filter(([name]) =>
    /^(?:PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|NODE_COMPILE_CACHE|NODE_OPTIONS|PYTHONPATH|VIRTUAL_ENV|CONDA_PREFIX|XDG_CACHE_HOME|HF_\w+|TORCH_HOME|(?:CUDA|NVIDIA|ROCR|HIP|OMP|MKL)_\w+)$/.test(
      name,
    ),
  );
  expect(environment).toEqual({
    HAYSTACK_LOCAL_JOB: expect.any(String) as string,
    ...Object.fromEntries(handedOn),
  });
  expect(environment).toMatchObject({ PATH: process.env["PATH"], CUDA_VISIBLE_DEVICES: "0" });
});

test("an event that is not taken is offered again, and nothing is lost meanwhile", async () => {
  const taken: string[] = [];
  const done = Promise.withResolvers<void>();
  let refusals = 3;
  const { batch, errors, putInputs } = await localHarness({
    pollMs: 10,
    async onChange(event) {
      if (refusals-- > 0) throw new Error("not now");
      taken.push(event.state);
      if (event.state === "SUCCEEDED") done.resolve();
    },
  });
  const spec = jobSpec();
  await putInputs(spec, {});
  await batch.submit(spec);
  await done.promise;
  expect(taken).toEqual(["QUEUED", "SCHEDULED", "RUNNING", "SUCCEEDED"]);
  expect(errors).toHaveLength(3);
});

test("a bad object path is refused at submit, and a folder that cannot be used is OBJECTS_UNAVAILABLE", async () => {
  const { batch, again, root } = await localHarness();
  await expect(
    batch.submit(jobSpec({ pairs: [{ ...pairIn("batch-io"), output: "../outside" }] })),
  ).rejects.toMatchObject({
    code: "OBJECT_PATH_INVALID",
  });
  const file = join(root, "file");
  await writeFile(file, "x");
  const broken = again({ root: join(file, "jobs") });
  await expect(broken.batch.submit(jobSpec())).rejects.toMatchObject({
    code: "OBJECTS_UNAVAILABLE",
    retryable: true,
  });
  await broken.batch.close();
  expect(broken.errors).not.toEqual([]);
});

test("INFERENCE_COMMAND is split by words and quotes, without a shell", () => {
  const { command, model } = inferenceProgram(
    `/opt/my\\ tool "a b" --x='$HOME; rm' "" --prompt={prompt} {query} {output} {output}.json {seed} '{"k": 1}'`,
    "stack",
  );
  expect(model).toEqual({ name: "stack", is_baseline: false });
  expect(
    fillCommand(command, { prompt: "/d/p {query}", query: "/d/q $x", output: "/d/o", seed: "7" }),
  ).toEqual([
    "/opt/my\\",
    "tool",
    "a b",
    "--x=$HOME; rm",
    "",
    "--prompt=/d/p {query}",
    "/d/q $x",
    "/d/o",
    "/d/o.json",
    "7",
    '{"k": 1}',
  ]);
});

test.each([
  ["", "is empty"],
  ["stack {prompt} {output}", "lacks {query}"],
  ["stack --manifest {manifest} --query {query}", "has {manifest} beside {query}"],
  ["stack {prompt} {query} {output} {gpu}", "unknown placeholder {gpu}"],
  ["stack {prompt} {query} '{output}", "not closed"],
])("INFERENCE_COMMAND %j is refused", (template, problem) => {
  expect(() => inferenceProgram(template, "x")).toThrow(
    expect.objectContaining({
      code: "INFERENCE_COMMAND_INVALID",
      message: expect.stringContaining(problem) as string,
    }),
  );
});

test("the built-in baseline is named as the science names it and its file exists", async () => {
  expect([BASELINE_PROGRAM.model, modelNamed(DELTA_TRANSFER)]).toEqual([
    { name: DELTA_TRANSFER, is_baseline: true },
    { name: DELTA_TRANSFER, is_baseline: true },
  ]);
  expect((await stat(BASELINE_PROGRAM.command[1] ?? "")).isFile()).toBe(true);
});

test("a process identity does not fit another start of the same id", async () => {
  const own = await identityOf(process.pid);
  expect(own).toBeDefined();
  if (own === undefined) return;
  expect(await isAlive(own)).toBe(true);
  expect(await isAlive({ ...own, started: `${own.started}0` })).toBe(false);
  expect(await identityOf(2 ** 22 + 1)).toBeUndefined();
});
