import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { GoogleJob } from "../../services/batch/google/job.ts";
import { type GoogleTask, jobStatus } from "../../services/batch/google/status.ts";

const QUEUED = "Job state is set from QUEUED to SCHEDULED for job projects/1/locations/l/jobs/j.";
const RUNNING = "Job state is set from SCHEDULED to RUNNING for job projects/1/locations/l/jobs/j.";

type Told = readonly (readonly [second: number, description: string, exitCode?: number])[];

const events = (told: Told) =>
  told.map(([second, description, exitCode]) => ({
    type: "STATUS_CHANGED",
    eventTime: { seconds: String(1_700_000_000 + second), nanos: 500_000_000 },
    description,
    ...(exitCode === undefined ? {} : { taskExecution: { exitCode } }),
  }));

const job = (state: string, told: Told = [], more: object = {}): GoogleJob => ({
  uid: "j-uid",
  status: { state: state as "FAILED", statusEvents: events(told), ...more },
});
const tasks = (...told: Told): GoogleTask[] => [{ status: { statusEvents: events(told) } }];

test.each([
  ["STATE_UNSPECIFIED", "QUEUED"],
  ["QUEUED", "QUEUED"],
  ["SCHEDULED", "SCHEDULED"],
  ["RUNNING", "RUNNING"],
  ["CANCELLATION_IN_PROGRESS", "CANCELLATION_IN_PROGRESS"],
  ["DELETION_IN_PROGRESS", "CANCELLATION_IN_PROGRESS"],
  ["A_STATE_OF_TOMORROW", "QUEUED"],
])("%s is %s", (google, ours) => {
  expect(jobStatus("j", job(google), [])).toEqual({ job_id: "j", state: ours });
});

test.each([
  [50000, "application", "Google Batch failed the task without giving a cause (exit code 50000)."],
  [50001, "preempted", "Google reclaimed the Spot machine (exit code 50001)."],
  [50002, "transient", "The machine stopped reporting to Google Batch (exit code 50002)."],
  [50003, "transient", "The machine was restarted while the job ran (exit code 50003)."],
  [50004, "transient", "The task no longer answered Google Batch (exit code 50004)."],
  [50005, "over_time", "The job ran longer than its limit (exit code 50005)."],
  [50006, "transient", "The machine was replaced while the job ran (exit code 50006)."],
])("exit code %i of a task is %s", (code, kind, reason) => {
  const failed = job("FAILED", [
    [0, QUEUED],
    [10, RUNNING],
    [25, "Job state is set from RUNNING to FAILED for job j."],
  ]);
  expect(
    jobStatus("j", failed, tasks([24, "Task state is updated from RUNNING to FAILED.", code])),
  ).toEqual({
    job_id: "j",
    state: "FAILED",
    failure: { kind, reason, exit_code: code },
    run_seconds: 25,
  });
});

test("a machine is paid for from SCHEDULED, but not before Batch last said that there was none", () => {
  const told: Told = [
    [0, QUEUED],
    [100, "VM in Managed Instance Group meets error: CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED"],
    [3_600, "VM in Managed Instance Group meets error: CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED"],
    [3_900, RUNNING],
    [4_000, "Job failed due to task failure."],
    [4_001, "Job state is set from RUNNING to FAILED for job j."],
  ];
  expect(jobStatus("j", job("FAILED", told), []).run_seconds).toBe(401);
  const never: Told = [
    [0, QUEUED],
    [240, "Job state is set from SCHEDULED to SCHEDULED_PENDING_FAILED for job j."],
    [241, "Job state is set from SCHEDULED_PENDING_FAILED to FAILED for job j."],
  ];
  expect(jobStatus("j", job("FAILED", never), [])).toMatchObject({
    run_seconds: 241,
    failure: { kind: "transient" },
  });
});

test.each([
  [1, undefined, "The worker failed unexpectedly (exit code 1)"],
  [2, "never", "The worker rejected the prompt, query or arguments, and would again (exit code 2)"],
  [
    3,
    "never",
    "The worker cannot use its checkpoint, gene list or GPU: correct BATCH_ENVIRONMENT, the image or the driver (exit code 3)",
  ],
  [4, "once", "The model failed while it ran (exit code 4)"],
  [
    5,
    "never",
    "The model returned an invalid result, and would again with this seed (exit code 5)",
  ],
  [
    6,
    "never",
    "The worker ran out of memory: choose a machine or accelerator with more memory, or fewer cells (exit code 6)",
  ],
  [
    125,
    "once",
    "The container could not be started: check that BATCH_IMAGE exists and that the jobs' service account may read it (exit code 125)",
  ],
  [
    137,
    "once",
    "The worker was killed, most likely because the machine ran out of memory (exit code 137)",
  ],
  [143, undefined, "The worker was stopped by another program (exit code 143)"],
  [99, undefined, "The worker ended (exit code 99)"],
])("exit code %i of the worker is repeated %s", (code, repeats, text) => {
  const { failure } = jobStatus(
    "j",
    job("FAILED", [[10, RUNNING]]),
    tasks([24, "Task state is updated from RUNNING to FAILED.", code]),
  );
  expect(failure).toEqual({
    kind: "application",
    exit_code: code,
    reason: `${text}; Cloud Logging has its log under labels.job_uid="j-uid".`,
    ...(repeats === undefined ? {} : { repeats }),
  });
});

test("every exit code that the worker's page lists has its own sentence, and is repeated as the page says", () => {
  const page = readFileSync("docs/stack-worker.md", "utf8");
  const rows = [...page.matchAll(/^\| (\d+) \| ([\w ]*) \|/gm)]
    .map(([, code, again]) => [Number(code), again] as const)
    .filter(([code]) => code !== 0);
  expect(rows.map(([code]) => code)).toEqual([1, 2, 3, 4, 5, 6, 143]);
  for (const [code, again] of rows) {
    const { failure } = jobStatus(
      "j",
      job("FAILED", [[10, RUNNING]]),
      tasks([24, "FAILED.", code]),
    );
    expect(failure?.reason).not.toMatch(/^The worker ended/);
    expect(failure?.repeats ?? "up to max_job_attempts").toBe(again);
  }
});

test("without tasks, the exit code is read from the job's own words", () => {
  const told =
    'Job failed due to task failure. Specifically, task with index 0 failed due to the following task event: "Task state is updated from RUNNING to FAILED on zones/z/instances/1 due to Spot Preemption with exit code 50001."';
  expect(
    jobStatus(
      "j",
      job("FAILED", [
        [10, RUNNING],
        [24, told],
        [25, "Job state is set from RUNNING to FAILED for job j."],
      ]),
      [],
    ).failure,
  ).toStrictEqual({
    kind: "preempted",
    reason: "Google reclaimed the Spot machine (exit code 50001).",
    exit_code: 50001,
  });
});

test("a preemption that was overcome is no failure of a job that SUCCEEDED or still runs", () => {
  const stale = tasks([
    12,
    "Task state is updated from RUNNING to FAILED due to Spot Preemption with exit code 50001.",
    50001,
  ]);
  expect(
    jobStatus(
      "j",
      job("SUCCEEDED", [
        [10, RUNNING],
        [30, "Job state is set from RUNNING to SUCCEEDED for job j."],
      ]),
      stale,
    ),
  ).toEqual({ job_id: "j", state: "SUCCEEDED", run_seconds: 20 });
  expect(jobStatus("j", job("RUNNING", [[10, RUNNING]]), stale)).toEqual({
    job_id: "j",
    state: "RUNNING",
    started_at: 1_700_000_010_500,
  });
});

test("a job that Batch ran again is paid for until its last end", () => {
  const told: Told = [
    [40, RUNNING],
    [100, "Job state is set from RUNNING to FAILED for job j."],
    [110, RUNNING],
    [160, "Job state is set from RUNNING to SUCCEEDED for job j."],
  ];
  expect(jobStatus("j", job("SUCCEEDED", told), []).run_seconds).toBe(120);
  expect(jobStatus("j", job("SUCCEEDED", told.toReversed()), []).run_seconds).toBe(120);
});

test("the latest exit code counts, whatever the order in which events are told", () => {
  const told = tasks(
    [24, "Task state is updated from RUNNING to FAILED.", 3],
    [12, "Task state is updated from RUNNING to FAILED.", 50001],
  );
  expect(jobStatus("j", job("FAILED", [[10, RUNNING]]), told).failure?.exit_code).toBe(3);
});

test("from QUEUED to FAILED is transient, in Batch's words about machines and quota", () => {
  const told: Told = [
    [
      1,
      "Batch Error: code - CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED, description - error count is 4. Try a different zone.",
    ],
    [2, "Job state is set from QUEUED to FAILED for job j."],
  ];
  const status = jobStatus("j", job("FAILED", told), []);
  expect(status).toEqual({
    job_id: "j",
    state: "FAILED",
    failure: {
      kind: "transient",
      reason:
        "The job failed before its task started: Batch Error: code - CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED, description - error count is 4; Try a different zone.",
      exit_code: null,
    },
    shortage: true,
  });
  expect(jobStatus("j", job("FAILED", []), []).failure).toEqual({
    kind: "transient",
    reason: "The job failed before its task started: no reason was given.",
    exit_code: null,
  });
});

test("an exit code of 0 in an event is none, and a job that ran and failed without one is application", () => {
  const status = jobStatus(
    "j",
    job("FAILED", [
      [0, QUEUED, 0],
      [10, RUNNING, 0],
      [15, "Job state is set from RUNNING to FAILED for job j.", 0],
    ]),
    [],
  );
  expect(status).toStrictEqual({
    job_id: "j",
    state: "FAILED",
    failure: {
      kind: "application",
      reason:
        "The job failed, and Google Batch reports no exit code: Job state is set from RUNNING to FAILED for job j.",
      exit_code: null,
    },
    run_seconds: 15,
  });
});

test("a job that never began, and for which there was no machine to the end, costs nothing", () => {
  const told: Told = [
    [0, QUEUED],
    [100, "VM in Managed Instance Group meets error: CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED"],
    [4_000, "Job state is set from SCHEDULED to CANCELLED for job j."],
  ];
  expect(jobStatus("j", job("CANCELLED", told), [])).toMatchObject({
    run_seconds: 0,
    shortage: true,
  });
});

test("without events Batch's own run time counts", () => {
  expect(
    jobStatus("j", job("CANCELLED", [], { runDuration: { seconds: "61", nanos: 500_000_000 } }), [])
      .run_seconds,
  ).toBe(61.5);
  expect(
    jobStatus("j", job("CANCELLED", [], { runDuration: { seconds: "0", nanos: 0 } }), []),
  ).toEqual({ job_id: "j", state: "CANCELLED", shortage: true });
});
