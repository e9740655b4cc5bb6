import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { jobSpec } from "./batch.contract.ts";
import { gate, type GoogleHarness, googleHarness } from "./google-batch-harness.ts";

const WORDS =
  "VM in Managed Instance Group meets error: Batch Error: code - CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED, description - no resources.";

/** So many jobs that wait for their machines, of which Batch says why. */
async function waitingJobs(count: number) {
  const harness = await googleHarness();
  const machines = gate();
  harness.server.scriptJobs({ hold: { QUEUED: machines.promise }, says: { QUEUED: WORDS } }, count);
  const specs = Array.from({ length: count }, () => jobSpec());
  for (const spec of specs) {
    await harness.putInputs(spec, {});
    await harness.batch.submit(spec);
  }
  const ids = specs.map(({ job_id }) => job_id);
  await Promise.all(ids.map((id) => harness.server.reached(id, "QUEUED")));
  harness.server.calls.length = 0;
  return { ...harness, ids };
}

const placed = (ids: readonly string[]) => ids.map((job_id) => ({ job_id }));

const methodsOf = ({ server }: Pick<GoogleHarness, "server">): Record<string, number> =>
  Object.fromEntries(
    Map.groupBy(server.calls, ({ method }) => method)
      .entries()
      .map(([method, calls]) => [method, calls.length]),
  );

test("many jobs are looked at by one list, a request for each page; the same is seen as of each alone", async () => {
  const harness = await waitingJobs(101);
  const seen = await harness.batch.look!(placed(harness.ids));
  expect(methodsOf(harness)).toEqual({ listJobs: 2 });
  expect([...seen.keys()].toSorted()).toEqual(harness.ids.toSorted());
  const [first = ""] = harness.ids;
  expect(seen.get(first)).toEqual(await harness.batch.get(first));
  expect(seen.get(first)).toMatchObject({ held: { kind: "capacity" } });
});

test("what the list does not have is read: jobs that ended; those that Batch does not know are left out", async () => {
  const harness = await waitingJobs(5);
  const [first = "", ...others] = harness.ids;
  await harness.batch.cancel(first);
  await harness.server.reached(first, "CANCELLED");
  harness.server.calls.length = 0;
  const seen = await harness.batch.look!(placed([...harness.ids, "hs-none-i1-p-a1"]));
  expect(methodsOf(harness)).toEqual({ listJobs: 1, getJob: 2 });
  expect(seen.get(first)).toMatchObject({ state: "CANCELLED" });
  expect(others.map((id) => seen.get(id))).toMatchObject(others.map(() => ({ state: "QUEUED" })));
  expect(seen.size).toBe(5);
});

test("few jobs are read each for itself, and so are many where listing is not permitted", async () => {
  const harness = await waitingJobs(5);
  await harness.batch.look!(placed(harness.ids.slice(0, 2)));
  expect(methodsOf(harness)).toEqual({ getJob: 2 });
  harness.server.failCalls({ method: "listJobs", code: status.PERMISSION_DENIED });
  expect((await harness.batch.look!(placed(harness.ids))).size).toBe(5);
  expect(methodsOf(harness)).toEqual({ getJob: 7, listJobs: 1 });
});

test("a job that cannot be read keeps no other from being seen, and neither does one that spoils the list", async () => {
  const harness = await waitingJobs(5);
  const [first = "", ...others] = harness.ids;
  await harness.batch.cancel(first);
  await harness.server.reached(first, "CANCELLED");
  harness.server.failCalls({ method: "getJob", jobId: first, code: status.PERMISSION_DENIED });
  const seen = await harness.batch.look!(placed(harness.ids));
  expect(seen.get(first)).toMatchObject({ code: "BATCH_REFUSED" });
  expect(others.map((id) => seen.get(id))).toMatchObject(others.map(() => ({ state: "QUEUED" })));

  // What the client cannot decode it tells of as of a fault of the server.
  const spoilt = { code: status.INTERNAL, details: "Error deserializing: illegal tag" };
  harness.server.failCalls({ method: "listJobs", ...spoilt });
  harness.server.failCalls({ method: "getJob", jobId: others[0]!, ...spoilt });
  const again = await harness.batch.look!(placed(harness.ids));
  expect(again.get(others[0]!)).toMatchObject({ code: "BATCH_UNAVAILABLE" });
  expect([first, ...others.slice(1)].map((id) => again.get(id))).toMatchObject([
    { state: "CANCELLED" },
    ...others.slice(1).map(() => ({ state: "QUEUED" })),
  ]);
});

test("a list that Batch does not answer says nothing of any job", async () => {
  const harness = await waitingJobs(5);
  harness.server.failCalls({ method: "listJobs", times: Infinity });
  await expect(harness.impatient.look!(placed(harness.ids))).rejects.toMatchObject({
    code: "BATCH_UNAVAILABLE",
  });
});
