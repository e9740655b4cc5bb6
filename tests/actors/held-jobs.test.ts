import { expect, test } from "vitest";
import { statusOf } from "../../actors/run-details.ts";
import { inferencePairs } from "../../actors/inference-pairs.ts";
import { gate, googleHarness } from "../services/google-batch-harness.ts";
import { run, temporaryStore } from "../support/hosted-runs.ts";
import { hurryingClock, jobsOnBatch } from "../support/jobs-on-batch.ts";

const QUOTA =
  "Quota checking process decides to delay scheduling for the job because inadequate quotas [Quota: NVIDIA_L4_GPUS, limit: 0, usage: 0, wanted: 1.].";
const STOCKOUT =
  "VM in Managed Instance Group meets error: Batch Error: code - CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED, description - The zone 'projects/p/zones/us-central1-a' does not have enough resources available to fulfill the request.";
const JOB = "hs-r1-i1-p-a1";

/** A run whose one job has no machine until `machine.open()`; Batch says why, and tells nobody. */
async function heldRun(state: "QUEUED" | "SCHEDULED", said: string) {
  const { batch, server, putInputs } = await googleHarness();
  const machine = gate();
  server.scriptJobs({ hold: { [state]: machine.promise }, says: { [state]: said } });
  await putInputs(
    {
      job_id: JOB,
      run_id: "r1",
      iteration: 1,
      kind: "prediction",
      attempt: 1,
      pairs: inferencePairs({ run_id: "r1", iteration: 1, kind: "prediction" }),
      manifest: "batch-io/r1/iter_1/prediction_manifest.json",
      seed: 1,
      max_run_seconds: 60,
    },
    {},
  );
  const store = await temporaryStore();
  const clock = hurryingClock(100);
  const hosted = await jobsOnBatch(store, batch, { clock, reconcileMs: 10_000 });
  await hosted.supervisor.submit(run("r1"));
  return { ...hosted, server, store, clock, machine };
}

test.each([
  ["quota", "QUEUED", QUOTA, /NVIDIA_L4_GPUS.*raise that quota/],
  ["capacity", "SCHEDULED", STOCKOUT, /enough resources available.*wait, or choose/],
  [
    "permission",
    "SCHEDULED",
    "Batch Error: code - CODE_GCE_PERMISSION_DENIED, description - Required 'iam.serviceAccounts.actAs' permission for j@p.iam.",
    /actAs.*give the account that role/,
  ],
  [
    "invalid",
    "SCHEDULED",
    "VM creation failed with non-retryable error: code - INVALID_FIELD_VALUE, description - Invalid value for field 'resource.machineType'.",
    /machineType.*correct the BATCH_ variable/,
  ],
] as const)(
  "what keeps a job from its machine (%s) is in document and status by the next look, and gone with the machine",
  async (kind, state, said, reason) => {
    const { committed, store, clock, machine } = await heldRun(state, said);
    const held = await committed("r1", ({ held_jobs }) => (held_jobs?.length ?? 0) > 0);
    expect(held.held_jobs).toEqual([
      {
        job_id: JOB,
        kind,
        reason: expect.stringMatching(reason) as string,
        since: expect.any(String) as string,
      },
    ]);
    const record = (await store.get("r1"))!;
    const { waits_for, jobs } = statusOf(record, clock.now());
    expect([waits_for, jobs[0]?.problem]).toEqual([
      expect.stringMatching(reason),
      held.held_jobs?.[0]?.reason,
    ]);
    machine.open();
    expect((await committed("r1", ({ status }) => status === "completed")).held_jobs).toEqual([]);
  },
);

test("newer words replace older ones; the moment since when stays while the kind does", async () => {
  const { committed, server, machine } = await heldRun("QUEUED", QUOTA);
  const first = await committed("r1", ({ held_jobs }) => (held_jobs?.length ?? 0) > 0);
  server.says(JOB, QUOTA.replace("limit: 0", "limit: 1"));
  const second = await committed(
    "r1",
    ({ held_jobs }) => held_jobs?.[0]?.reason.includes("limit: 1") === true,
  );
  expect(second.held_jobs?.[0]?.since).toBe(first.held_jobs?.[0]?.since);
  server.says(JOB, STOCKOUT);
  const third = await committed("r1", ({ held_jobs }) => held_jobs?.[0]?.kind === "capacity");
  expect(third.held_jobs?.[0]?.since).not.toBe(first.held_jobs?.[0]?.since);
  machine.open();
  await committed("r1", ({ status }) => status === "completed");
});
