import { status } from "@grpc/grpc-js";
import { expect, onTestFinished, test, vi } from "vitest";
import { googleBatch } from "../../services/batch/google/service.ts";
import { batchError } from "../../services/batch/google/errors.ts";
import { googleBatchJobs } from "../../services/batch/google/jobs.ts";
import { TERMINAL_JOB_STATES } from "../../services/batch/index.ts";
import { jobSpec } from "./batch.contract.ts";
import {
  gate,
  type GoogleHarness,
  googleHarness,
  ONE_SENTENCE,
  UNAVAILABLE,
} from "./google-batch-harness.ts";

const callsOf = ({ server }: GoogleHarness, method: string): number =>
  server.calls.filter((call) => call.method === method).length;

/** A call that the server has received and not answered. */
function heldCall(harness: GoogleHarness, method: "createJob" | "getJob" | "cancelJob") {
  const arrived = Promise.withResolvers<void>();
  const answer = gate();
  harness.server.failCalls({
    method,
    until() {
      arrived.resolve();
      return answer.promise;
    },
  });
  return { arrived: arrived.promise, answer: answer.open };
}

test("calls are made again while Batch does not answer, and one job comes of it", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  await harness.putInputs(spec, {});
  for (const method of ["createJob", "getJob", "cancelJob"] as const)
    harness.server.failCalls({ method, times: 2 });
  expect((await harness.batch.submit(spec)).job_id).toBe(spec.job_id);
  await harness.events.until(spec.job_id, TERMINAL_JOB_STATES);
  expect((await harness.batch.get(spec.job_id))?.state).toBe("SUCCEEDED");
  expect([callsOf(harness, "createJob"), callsOf(harness, "getJob")]).toEqual([3, 3]);
  expect(await harness.runs(spec)).toBe(1);
  const running = jobSpec();
  await harness.putInputs(running, { until: harness.gate().file });
  await harness.batch.submit(running);
  await harness.batch.cancel(running.job_id);
  expect(callsOf(harness, "cancelJob")).toBe(3);
  expect(["CANCELLATION_IN_PROGRESS", "CANCELLED"]).toContain(
    harness.server.job(running.job_id)?.status?.state,
  );
});

test("when patience ends the error is BATCH_UNAVAILABLE, and later all is well", async () => {
  const { batch, server, impatient } = await googleHarness();
  const spec = jobSpec();
  const recover = server.failCalls({ times: Infinity });
  for (const call of [
    () => impatient.submit(spec),
    () => impatient.get(spec.job_id),
    () => impatient.cancel(spec.job_id),
  ])
    await expect(call()).rejects.toMatchObject(UNAVAILABLE);
  recover();
  expect((await batch.submit(spec)).state).toBe("QUEUED");
});

test("the reason of repeated failure is the last one, and not the client's account of all", () => {
  const message =
    "Total timeout of API google.cloud.batch.v1.BatchService exceeded 300 milliseconds retrying error Error: 14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED.  before any response was received. : Previous errors : [{message: 14 UNAVAILABLE, code: 14}]";
  expect(batchError(Object.assign(new Error(message), { code: 4 })).message).toBe(
    "Google Batch cannot be reached: nothing listens there; check the network and the status of Google Cloud.",
  );
});

test("a port where nothing listens is BATCH_UNAVAILABLE", async () => {
  const { impatient, server } = await googleHarness();
  await server.close();
  await expect(impatient.get("j")).rejects.toMatchObject(UNAVAILABLE);
});

test("a call that is never answered is BATCH_UNAVAILABLE after its time", async () => {
  const { impatient, server } = await googleHarness();
  const { promise } = gate();
  server.failCalls({ times: Infinity, until: () => promise });
  await expect(impatient.get("j")).rejects.toMatchObject(UNAVAILABLE);
});

test("a created job whose reply was lost is found by the repeated call: one job, one run", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  await harness.putInputs(spec, {});
  harness.server.failCalls({ method: "createJob", replyLost: true });
  await harness.batch.submit(spec);
  await harness.events.until(spec.job_id, TERMINAL_JOB_STATES);
  expect(callsOf(harness, "createJob")).toBe(2);
  expect(await harness.runs(spec)).toBe(1);
});

test("an hour later a job that exists is adopted if its labels are ours", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  await harness.putInputs(spec, {});
  await harness.batch.submit(spec);
  await harness.events.until(spec.job_id, TERMINAL_JOB_STATES);
  harness.server.forgetRequests();
  expect((await harness.batch.submit(spec)).state).toBe("SUCCEEDED");
  for (const changes of [
    { run_id: "another" },
    { iteration: 2 },
    { kind: "control" },
    { attempt: 2 },
  ] as const) {
    await expect(harness.batch.submit({ ...spec, ...changes })).rejects.toMatchObject({
      code: "JOB_NOT_OURS",
      retryable: false,
      message: ONE_SENTENCE,
    });
  }
  expect(await harness.runs(spec)).toBe(1);
});

test("a job that exists but is not shown yet is not adopted unseen", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  await harness.putInputs(spec, {});
  harness.server.scriptJobs({ hiddenCalls: 1 });
  await harness.batch.submit(spec);
  harness.server.forgetRequests();
  await expect(harness.batch.submit(spec)).rejects.toMatchObject(UNAVAILABLE);
  await harness.batch.submit(spec);
});

test("for a time after submit the job may be unknown; the grace is five minutes", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  await harness.putInputs(spec, {});
  harness.server.scriptJobs({ hiddenCalls: 4 });
  await harness.batch.submit(spec);
  expect(await harness.batch.get(spec.job_id)).toBeUndefined();
  await harness.batch.cancel(spec.job_id);
  expect(await harness.batch.get(spec.job_id)).toBeUndefined();
  expect((await harness.batch.get(spec.job_id))?.job_id).toBe(spec.job_id);
  expect(harness.batch.notFoundGraceMs).toBe(300_000);
});

test.each([
  [
    status.RESOURCE_EXHAUSTED,
    "BATCH_QUOTA",
    true,
    "Google Batch has no quota left for this request: CPUS in us-central1 is exceeded; wait, or raise the quota.",
  ],
  [
    status.PERMISSION_DENIED,
    "BATCH_REFUSED",
    false,
    "Google Batch refused the request: CPUS in us-central1 is exceeded; correct the BATCH_ variables or the permissions.",
  ],
  [status.UNAUTHENTICATED, "BATCH_REFUSED", false, expect.any(String) as string],
  [status.NOT_FOUND, "BATCH_REFUSED", false, expect.any(String) as string],
  [status.INTERNAL, "BATCH_UNAVAILABLE", true, expect.any(String) as string],
])("gRPC status %i at submit is %s", async (code, ours, retryable, message) => {
  const harness = await googleHarness();
  harness.server.failCalls({
    method: "createJob",
    code,
    details: "CPUS in us-central1 is exceeded.",
  });
  await expect(harness.batch.submit(jobSpec())).rejects.toMatchObject({
    code: ours,
    retryable,
    message,
  });
  expect(callsOf(harness, "createJob")).toBe(1);
});

test("a token that cannot be had just now is worth another try, wrong credentials are not", async () => {
  const harness = await googleHarness();
  const plugin = (why: string) => ({
    method: "createJob" as const,
    code: status.UNAUTHENTICATED,
    details: `Getting metadata from plugin failed with error: ${why}`,
  });
  harness.server.failCalls(plugin("request to the token service failed, reason: ETIMEDOUT"));
  await expect(harness.batch.submit(jobSpec())).rejects.toMatchObject(UNAVAILABLE);
  harness.server.failCalls(plugin("invalid_grant"));
  await expect(harness.batch.submit(jobSpec())).rejects.toMatchObject({ code: "BATCH_REFUSED" });
});

test("without credentials every call is BATCH_REFUSED, and nothing is thrown behind our back", async () => {
  const { options } = await googleHarness();
  vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json");
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const { endpoint: _, ...atGoogle } = options;
  const batch = googleBatch(atGoogle);
  onTestFinished(() => batch.close());
  for (const call of [() => batch.submit(jobSpec()), () => batch.get("j"), () => batch.cancel("j")])
    await expect(call()).rejects.toMatchObject({ code: "BATCH_REFUSED", message: ONE_SENTENCE });
});

test("a client that could not be made is made anew at the next call", async () => {
  const { batch } = await googleHarness();
  vi.stubEnv("GOOGLE_API_USE_CLIENT_CERTIFICATE", "true");
  vi.stubEnv("HOME", "/nowhere");
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  await expect(batch.get("j")).rejects.toMatchObject({ code: "BATCH_REFUSED" });
  vi.unstubAllEnvs();
  expect(await batch.get("j")).toBeUndefined();
});

test("an endpoint beyond this machine is refused: it would be spoken to in the clear", async () => {
  const { options } = await googleHarness();
  for (const endpoint of ["batch.example.org:443", "127.0.0.1", "10.0.0.1:80"])
    expect(() => googleBatch({ ...options, endpoint })).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID" }),
    );
});

test("a submit stopped under way still waits for its call, so that cancelling finds the job", async () => {
  const harness = await googleHarness();
  const spec = jobSpec();
  const { arrived, answer } = heldCall(harness, "createJob");
  const controller = new AbortController();
  const submitted = harness.batch.submit(spec, controller.signal);
  let settled = false;
  const outcome = submitted.finally(() => (settled = true)).catch((thrown: unknown) => thrown);
  await arrived;
  controller.abort();
  await harness.batch.get("another");
  expect(settled).toBe(false);
  answer();
  expect(await outcome).toMatchObject({ code: "STEP_ABORTED" });
  expect(harness.server.job(spec.job_id)).toBeDefined();
});

test.each(["getJob", "cancelJob"] as const)(
  "%s stopped under way rejects at once",
  async (method) => {
    const harness = await googleHarness();
    const { arrived } = heldCall(harness, method);
    const controller = new AbortController();
    const call =
      method === "getJob"
        ? harness.batch.get("j", controller.signal)
        : harness.batch.cancel("j", controller.signal);
    const outcome = call.catch((thrown: unknown) => thrown);
    await arrived;
    controller.abort();
    expect(await outcome).toMatchObject({ code: "STEP_ABORTED" });
  },
);

test("check tells whether jobs can be listed", async () => {
  const { options, server } = await googleHarness();
  const jobs = googleBatchJobs(options);
  onTestFinished(() => jobs.close());
  await jobs.check();
  server.failCalls({
    method: "listJobs",
    code: status.PERMISSION_DENIED,
    details: "Permission 'batch.jobs.list' denied",
  });
  await expect(jobs.check()).rejects.toMatchObject({
    code: "BATCH_REFUSED",
    message: expect.stringContaining("batch.jobs.list") as string,
  });
});
