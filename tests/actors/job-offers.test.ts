import { expect, onTestFinished, test } from "vitest";
import { inferencePairs } from "../../actors/inference-pairs.ts";
import type { JobRecord } from "../../machines/run-types.ts";
import { googleBatch, type GoogleBatchOptions } from "../../services/batch/google/service.ts";
import type { BatchService } from "../../services/batch/index.ts";
import type { RunConfig, RunDocument } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { gate, googleHarness } from "../services/google-batch-harness.ts";
import { run, temporaryStore } from "../support/hosted-runs.ts";
import { hurryingClock, jobsOnBatch } from "../support/jobs-on-batch.ts";

const STOCKOUT =
  "VM in Managed Instance Group meets error: Batch Error: code - CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED, description - The zone 'projects/p/zones/us-central1-a' does not have enough resources available to fulfill the request.";
const PERMISSION =
  "Batch Error: code - CODE_GCE_PERMISSION_DENIED, description - Required 'iam.serviceAccounts.actAs' permission.";
const MINUTE = 60_000;

const OFFERS: GoogleBatchOptions["offers"] = [
  {
    project: "p",
    region: "us-central1",
    machine: "g2-standard-8 with 1 nvidia-l4",
    provisioning: "SPOT",
    usd_per_hour: 0.35,
  },
  {
    project: "p",
    region: "us-east4",
    machine: "a2-highgpu-1g with 1 nvidia-tesla-a100",
    provisioning: "FLEX_START",
    usd_per_hour: 1.8,
  },
];

async function offering(offers = OFFERS) {
  const harness = await googleHarness({ offers, moveAfterMs: 20 * MINUTE });
  const spec = {
    run_id: "r1",
    iteration: 1,
    kind: "prediction",
    attempt: 1,
    pairs: inferencePairs({ run_id: "r1", iteration: 1, kind: "prediction" }),
    manifest: "batch-io/r1/iter_1/prediction_manifest.json",
    seed: 1,
    max_run_seconds: 60,
  } as const;
  await harness.putInputs({ ...spec, job_id: "hs-r1-i1-p-a1" }, {});
  const clock = hurryingClock(1_000);
  const host = (store: RunStore, batch: BatchService = harness.batch) =>
    jobsOnBatch(store, batch, { clock, reconcileMs: 10_000, supervisor: { pollMs: 100_000 } });
  return { ...harness, clock, host };
}

/** Its job may take as long as any: the program of one needs real seconds, each a quarter of an hour. */
const lasting = (config: Partial<RunConfig> = {}): RunDocument =>
  run("r1", { max_iterations: 1, job_deadline_seconds: 14 * 86_400, ...config });

const attemptsOf = async (store: RunStore): Promise<unknown[]> =>
  (
    JSON.parse((await store.get("r1"))?.snapshot ?? "{}") as {
      readonly context: { readonly jobs: readonly JobRecord[] };
    }
  ).context.jobs.map(({ job_id, state, offer, cost_usd }) => [
    job_id,
    state,
    offer?.region,
    offer?.provisioning,
    cost_usd > 0,
  ]);

test("a job without a machine for long is stopped, and then begun with the next offer, where that is", async () => {
  const { server, host } = await offering();
  server.scriptJobs({ hold: { SCHEDULED: gate().promise }, says: { SCHEDULED: STOCKOUT } });
  const store = await temporaryStore();
  const { supervisor, committed } = await host(store);
  // One that is moved has not failed.
  await supervisor.submit(lasting({ max_transient_failures: 1 }));
  await committed("r1", ({ status }) => status === "completed");
  expect(await attemptsOf(store)).toEqual([
    ["hs-r1-i1-p-a1", "failed", "us-central1", "SPOT", false],
    ["hs-r1-i1-p-a2", "succeeded", "us-east4", "FLEX_START", true],
  ]);
  const { allocationPolicy, name } = server.job("hs-r1-i1-p-a2") ?? {};
  expect(name).toBe("projects/p/locations/us-east4/jobs/hs-r1-i1-p-a2");
  expect(allocationPolicy?.location?.allowedLocations).toEqual(["regions/us-east4"]);
  expect(allocationPolicy?.instances?.[0]?.policy).toEqual({
    machineType: "a2-highgpu-1g",
    provisioningModel: "FLEX_START",
    accelerators: [{ type: "nvidia-tesla-a100", count: "1" }],
  });
  const made = server.calls.flatMap(({ method, request }) =>
    method === "createJob" ? [(request as { readonly jobId: string }).jobId] : [],
  );
  expect(made).toEqual(["hs-r1-i1-p-a1", "hs-r1-i1-p-a2"]);
  // The second was made when the first had ended.
  const stopped = server.calls.findIndex(({ method }) => method === "cancelJob");
  const second = server.calls.findLastIndex(({ method }) => method === "createJob");
  expect(stopped).toBeLessThan(second);
});

test.each([
  ["what another machine would lack too", OFFERS, PERMISSION],
  ["the last offer", OFFERS.slice(1), STOCKOUT],
])("a job that waits for %s is left to wait", async (_, offers, words) => {
  const { server, host, clock } = await offering(offers);
  const machine = gate();
  server.scriptJobs({ hold: { SCHEDULED: machine.promise }, says: { SCHEDULED: words } });
  const store = await temporaryStore();
  const { supervisor, committed } = await host(store);
  await supervisor.submit(lasting());
  await committed("r1", ({ held_jobs }) => (held_jobs?.length ?? 0) > 0);
  const { promise: hour, resolve } = Promise.withResolvers<void>();
  clock.after(60 * MINUTE, resolve);
  await hour;
  machine.open();
  await committed("r1", ({ status }) => status === "completed");
  expect((await attemptsOf(store)).length).toBe(1);
});

test("a job is looked for where it was made, whatever is offered since, and no second one is made", async () => {
  const { server, host, options } = await offering();
  const machine = gate();
  server.scriptJobs({ hold: { QUEUED: machine.promise } });
  server.failCalls({ method: "createJob", replyLost: true, code: 13 });
  const store = await temporaryStore();
  const before = await host(store);
  await before.supervisor.submit(lasting());
  await server.reached("hs-r1-i1-p-a1", "QUEUED");
  await before.supervisor.stop();
  expect(await attemptsOf(store)).toEqual([
    ["hs-r1-i1-p-a1", "submitting", undefined, undefined, false],
  ]);
  const moved = googleBatch({ ...options, location: "europe-west4", offers: OFFERS.slice(1) });
  onTestFinished(() => moved.close());
  const after = await host(store, moved);
  machine.open();
  await after.committed("r1", ({ status }) => status === "completed");
  expect(await attemptsOf(store)).toEqual([
    ["hs-r1-i1-p-a1", "succeeded", "us-central1", "SPOT", true],
  ]);
  const places = server.calls.map(
    ({ request }) =>
      /locations\/([a-z0-9-]+)/.exec(
        (request as { readonly name?: string; readonly parent?: string }).name ||
          ((request as { readonly parent?: string }).parent ?? ""),
      )?.[1],
  );
  expect(new Set(places)).toEqual(new Set(["us-central1"]));
});

test("a job is stopped where it was made", async () => {
  const { server, host, options } = await offering();
  server.scriptJobs({ hold: { QUEUED: gate().promise } });
  const store = await temporaryStore();
  const before = await host(store);
  await before.supervisor.submit(lasting());
  await server.reached("hs-r1-i1-p-a1", "QUEUED");
  await before.supervisor.stop();
  const moved = googleBatch({ ...options, location: "europe-west4", offers: OFFERS.slice(1) });
  onTestFinished(() => moved.close());
  const after = await host(store, moved);
  await after.supervisor.deliver("r1", { id: "c", event: { type: "cancel.requested" } });
  await server.reached("hs-r1-i1-p-a1", "CANCELLED");
  const stopped = await after.committed(
    "r1",
    ({ status, current_phase }) => status === "cancelled" && current_phase === null,
  );
  expect(stopped.termination_reason).toBe("cancelled");
});
