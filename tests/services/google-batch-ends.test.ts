import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { type JobStatus, TERMINAL_JOB_STATES } from "../../services/batch/index.ts";
import { jobSpec } from "./batch.contract.ts";
import { PROGRAM } from "./local-batch-harness.ts";
import {
  endOf,
  gate,
  googleHarness,
  offersOf,
  ONE_SENTENCE,
  UNAVAILABLE,
} from "./google-batch-harness.ts";

/** A failure of the program, and where to read more. */
const logged = (text: string): string =>
  expect.stringMatching(
    new RegExp(
      `^${text.replaceAll(/[()]/g, "\\$&")}; Cloud Logging has its log under labels\\.job_uid="[\\w-]+"\\.$`,
    ),
  ) as string;

test("a job preempted twice gets a standard machine for its third attempt", async () => {
  const harness = await googleHarness({ offers: offersOf("g2-standard-8 with 1 nvidia-l4") });
  harness.server.scriptJobs({ exitCode: 50001 }, 2);
  const seen: unknown[] = [];
  for (let attempt = 1; attempt <= 3; attempt++) {
    const first = jobSpec();
    const offer = harness.batch.offer(attempt - 1);
    const spec = { ...first, attempt, ...(offer === null ? {} : { offer }) };
    await harness.putInputs(spec, attempt < 3 ? { until: harness.gate().file } : {});
    await harness.batch.submit(spec);
    await harness.events.until(spec.job_id, TERMINAL_JOB_STATES);
    const { state, failure } = (await harness.batch.get(spec.job_id)) ?? {};
    seen.push([
      offer,
      harness.server.job(spec.job_id)?.allocationPolicy?.instances?.[0]?.policy?.provisioningModel,
      state,
      failure?.kind,
    ]);
  }
  const [spot, standard] = harness.options.offers;
  expect(seen).toEqual([
    [spot, "SPOT", "FAILED", "preempted"],
    [spot, "SPOT", "FAILED", "preempted"],
    [standard, "STANDARD", "SUCCEEDED", undefined],
  ]);
});

test("where standard machines are configured, none is offered on Spot; a spec without a wish gets the first offer", async () => {
  const offers = offersOf("g2-standard-8").slice(1);
  const harness = await googleHarness({ offers });
  expect(harness.batch.offer(0)).toEqual(offers[0]);
  const spec = jobSpec();
  await harness.batch.submit(spec);
  expect(
    harness.server.job(spec.job_id)?.allocationPolicy?.instances?.[0]?.policy?.provisioningModel,
  ).toBe("STANDARD");
});

test.each([
  [50002, "transient"],
  [50003, "transient"],
  [50004, "transient"],
  [50005, "over_time"],
  [50006, "transient"],
] as const)("exit code %i through tasks and client is %s", async (exitCode, kind) => {
  const harness = await googleHarness();
  harness.server.scriptJobs({ exitCode });
  expect((await endOf(harness, jobSpec(), { until: harness.gate().file }))?.failure).toEqual({
    kind,
    exit_code: exitCode,
    reason: ONE_SENTENCE,
  });
});

test("a stale preemption before SUCCEEDED is no failure", async () => {
  const harness = await googleHarness();
  harness.server.scriptJobs({ stalePreemption: true });
  const end = await endOf(harness);
  expect(end).toStrictEqual({
    job_id: expect.any(String) as string,
    state: "SUCCEEDED",
    run_seconds: expect.any(Number) as number,
  });
});

test("a stale preemption before the program's own failure does not hide it", async () => {
  const harness = await googleHarness();
  harness.server.scriptJobs({ stalePreemption: true });
  expect((await endOf(harness, jobSpec(), { exit: 4 }))?.failure).toStrictEqual({
    kind: "application",
    exit_code: 4,
    reason: logged("The model failed while it ran (exit code 4)"),
    repeats: "once",
  });
});

test("QUEUED to FAILED without ever running is transient and costs no seconds", async () => {
  const harness = await googleHarness();
  harness.server.scriptJobs({
    failInQueue:
      "Batch Error: code - CODE_GCE_QUOTA_EXCEEDED, description - Quota 'NVIDIA_L4_GPUS' exceeded.",
  });
  const end = await endOf(harness);
  expect(end?.failure).toEqual({
    kind: "transient",
    exit_code: null,
    reason:
      "The job failed before its task started: Batch Error: code - CODE_GCE_QUOTA_EXCEEDED, description - Quota 'NVIDIA_L4_GPUS' exceeded.",
  });
  expect(end).not.toHaveProperty("run_seconds");
  expect(harness.events.seen.map((event) => event.state)).toEqual(["QUEUED", "FAILED"]);
});

test.each([
  "Batch Error: code - CODE_GCE_PERMISSION_DENIED, description - Required 'iam.serviceAccounts.actAs' permission for 'j@p.iam'.",
  "VM creation failed with non-retryable error: code - INVALID_FIELD_VALUE, description - Invalid value for field 'resource.machineType': 'g2'.",
])("a job that cannot have a machine (%s) is not repeated", async (failInQueue) => {
  const harness = await googleHarness();
  harness.server.scriptJobs({ failInQueue });
  expect((await endOf(harness))?.failure).toMatchObject({
    kind: "application",
    repeats: "never",
    reason: expect.stringMatching(/^The job failed before its task started: .*\.$/) as string,
  });
});

test("input that the program refuses (exit code 2) is said so; an image that cannot be had is application too", async () => {
  const harness = await googleHarness();
  expect((await endOf(harness, jobSpec(), { exit: 2 }))?.failure).toStrictEqual({
    kind: "application",
    exit_code: 2,
    reason: logged(
      "The worker rejected the prompt, query or arguments, and would again (exit code 2)",
    ),
    repeats: "never",
  });
  const noImage = await googleHarness({ image: "nowhere/none:0" });
  expect((await endOf(noImage))?.failure).toStrictEqual({
    kind: "application",
    exit_code: 125,
    reason: logged(
      "The container could not be started: check that BATCH_IMAGE exists and that the jobs' service account may read it (exit code 125)",
    ),
    repeats: "once",
  });
});

const L4 = offersOf("g2-standard-8 with 1 nvidia-l4");

test("on a machine with accelerators, where the image's ENTRYPOINT is lost, the program is named", async () => {
  const harness = await googleHarness({ offers: L4 });
  const spec = jobSpec();
  expect((await endOf(harness, spec))?.state).toBe("SUCCEEDED");
  const { entrypoint, commands } =
    harness.server.job(spec.job_id)?.taskGroups?.[0]?.taskSpec?.runnables?.[0]?.container ?? {};
  expect([entrypoint, ...(commands ?? [])].slice(0, 4)).toEqual([
    "python",
    "-m",
    "haystack_worker",
    "--prompt",
  ]);
});

test.each([
  [127, ["stack-worker", "run"], "program that BATCH_ENTRYPOINT names is not in the image"],
  [126, ["/opt/worker"], "program that BATCH_ENTRYPOINT names may not be executed"],
] as const)(
  "exit code %s of a wrong program is tried again once",
  async (code, entrypoint, said) => {
    const harness = await googleHarness({ offers: L4, entrypoint });
    expect((await endOf(harness))?.failure).toMatchObject({
      kind: "application",
      exit_code: code,
      repeats: "once",
      reason: expect.stringContaining(said) as string,
    });
  },
);

test("another image runs by the program that is set for it, or by its own without accelerators", async () => {
  const worker = ["/usr/bin/predict", "--fast"];
  const image = "other:1";
  const server = { entrypoints: { [image]: worker } };
  const images = { [image]: [process.execPath, PROGRAM] };
  for (const changes of [{ offers: L4, entrypoint: worker }, { entrypoint: "image" as const }])
    expect(
      (await endOf(await googleHarness({ image, ...changes }, { ...server, images })))?.state,
    ).toBe("SUCCEEDED");
});

test("a FAILED job whose tasks cannot be read now is BATCH_UNAVAILABLE and not misjudged", async () => {
  const harness = await googleHarness();
  harness.server.scriptJobs({ exitCode: 50001 });
  const spec = jobSpec();
  await harness.putInputs(spec, { until: harness.gate().file });
  await harness.batch.submit(spec);
  await harness.events.until(spec.job_id, ["FAILED"]);
  const recover = harness.server.failCalls({
    method: "listTasks",
    code: status.INTERNAL,
    times: Infinity,
  });
  await expect(harness.batch.get(spec.job_id)).rejects.toMatchObject(UNAVAILABLE);
  recover();
  expect((await harness.batch.get(spec.job_id))?.failure?.kind).toBe("preempted");
});

test("a FAILED job whose tasks may not be listed is judged by its own words, which say so", async () => {
  const harness = await googleHarness();
  const judge = async (script: {
    readonly exitCode?: number;
    readonly failInQueue?: string;
  }): Promise<JobStatus["failure"]> => {
    harness.server.scriptJobs(script);
    const spec = jobSpec();
    await harness.putInputs(spec, { until: harness.gate().file });
    await harness.batch.submit(spec);
    await harness.events.until(spec.job_id, ["FAILED"]);
    const allow = harness.server.failCalls({
      method: "listTasks",
      code: status.PERMISSION_DENIED,
      times: Infinity,
    });
    const found = await harness.batch.get(spec.job_id);
    allow();
    return found?.failure;
  };
  expect(await judge({ exitCode: 50001 })).toMatchObject({
    kind: "preempted",
    exit_code: 50001,
    reason: expect.not.stringContaining("tasks") as string,
  });
  expect(await judge({ failInQueue: "The machine was lost." })).toMatchObject({
    kind: "transient",
    exit_code: null,
    reason: expect.stringMatching(
      /The machine was lost\. Its tasks were not read: Google Batch refused the request: /,
    ) as string,
  });
});

test.each(["QUEUED", "SCHEDULED"] as const)(
  "a job cancelled while %s ends as CANCELLED and never runs",
  async (state) => {
    const harness = await googleHarness();
    harness.server.scriptJobs({ hold: { [state]: gate().promise } });
    const spec = jobSpec();
    await harness.putInputs(spec, {});
    await harness.batch.submit(spec);
    await harness.server.reached(spec.job_id, state);
    await harness.batch.cancel(spec.job_id);
    await harness.server.reached(spec.job_id, "CANCELLED");
    expect(await harness.batch.get(spec.job_id)).toEqual({
      job_id: spec.job_id,
      state: "CANCELLED",
      shortage: true,
      ...(state === "SCHEDULED" ? { run_seconds: expect.any(Number) as number } : {}),
    });
    expect(await harness.runs(spec)).toBe(0);
  },
);

test("cancel while RUNNING returns at once, before the job has stopped; its seconds count", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  await harness.putInputs(spec, { until: harness.gate().file });
  await harness.batch.submit(spec);
  await harness.started(spec);
  await harness.batch.cancel(spec.job_id);
  await harness.batch.cancel(spec.job_id);
  await harness.server.reached(spec.job_id, "CANCELLED");
  const end = await harness.batch.get(spec.job_id);
  expect(end).toEqual({
    job_id: spec.job_id,
    state: "CANCELLED",
    run_seconds: expect.any(Number) as number,
  });
  expect(end?.run_seconds).toBeGreaterThan(0);
});

test("a job that is being cancelled is not cancelled again, nor one that ended", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  const slow = gate();
  harness.server.scriptJobs({ hold: { QUEUED: gate().promise }, slowStop: slow.promise });
  await harness.batch.submit(spec);
  await harness.batch.cancel(spec.job_id);
  await harness.batch.cancel(spec.job_id);
  slow.open();
  await harness.server.reached(spec.job_id, "CANCELLED");
  await harness.batch.cancel(spec.job_id);
  expect(harness.server.calls.filter(({ method }) => method === "cancelJob")).toHaveLength(1);
});

test("a cancellation that somebody else began in between is no error", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  harness.server.scriptJobs({ hold: { QUEUED: gate().promise }, slowStop: gate().promise });
  await harness.batch.submit(spec);
  harness.server.failCalls({
    method: "cancelJob",
    until: () => harness.batch.cancel(spec.job_id),
  });
  await harness.batch.cancel(spec.job_id);
  expect(harness.server.job(spec.job_id)?.status?.state).toBe("CANCELLATION_IN_PROGRESS");
});

test("cancel just after SUCCEEDED is no error and changes nothing", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  await endOf(harness, spec);
  await harness.batch.cancel(spec.job_id);
  expect((await harness.batch.get(spec.job_id))?.state).toBe("SUCCEEDED");
});

test("a refusal to cancel a job that runs is an error", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  harness.server.scriptJobs({ hold: { QUEUED: gate().promise } });
  await harness.batch.submit(spec);
  harness.server.failCalls({
    method: "cancelJob",
    code: status.FAILED_PRECONDITION,
    details: "not now",
  });
  await expect(harness.batch.cancel(spec.job_id)).rejects.toMatchObject({ code: "BATCH_REFUSED" });
});

test("the server tells of changes as Batch does: attributes, text, and nothing of cancellation; lost messages stop no job", async () => {
  const messages: { topic: string; attributes: Readonly<Record<string, string>>; data: string }[] =
    [];
  const harness = await googleHarness(
    {},
    {
      tells: ["QUEUED", "SCHEDULED", "RUNNING", "SUCCEEDED", "FAILED"],
      async publish(topic, attributes, data) {
        messages.push({ topic, attributes, data });
        if (attributes["NewJobState"] === "SCHEDULED") throw new Error("the emulator is gone");
      },
    },
  );
  const spec = jobSpec();
  await harness.putInputs(spec, {});
  await harness.batch.submit(spec);
  await harness.server.reached(spec.job_id, "SUCCEEDED");
  const cancelled = jobSpec();
  harness.server.scriptJobs({ hold: { QUEUED: gate().promise } });
  await harness.batch.submit(cancelled);
  await harness.batch.cancel(cancelled.job_id);
  await harness.server.reached(cancelled.job_id, "CANCELLED");
  expect(
    messages.map(({ attributes }) => [attributes["OldJobState"], attributes["NewJobState"]]),
  ).toEqual([
    ["STATE_UNSPECIFIED", "QUEUED"],
    ["QUEUED", "SCHEDULED"],
    ["SCHEDULED", "RUNNING"],
    ["RUNNING", "SUCCEEDED"],
    ["STATE_UNSPECIFIED", "QUEUED"],
  ]);
  expect(messages[0]).toStrictEqual({
    topic: "projects/p/topics/batch-events",
    attributes: {
      Type: "JOB_STATE_CHANGED",
      JobName: `projects/123456789012/locations/us-central1/jobs/${spec.job_id}`,
      JobUID: harness.server.job(spec.job_id)?.uid,
      Region: "us-central1",
      OldJobState: "STATE_UNSPECIFIED",
      NewJobState: "QUEUED",
    },
    data: expect.stringContaining("currentState=QUEUED") as string,
  });
});

test("deleted by someone else, a job is stopping and then unknown", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  await harness.putInputs(spec, { until: harness.gate().file });
  await harness.batch.submit(spec);
  await harness.started(spec);
  await harness.server.remove(spec.job_id);
  expect(await harness.batch.get(spec.job_id)).toBeUndefined();
});
