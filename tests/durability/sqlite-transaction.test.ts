import { expect, test } from "vitest";
import { run, temporaryStore } from "../support/hosted-runs.ts";

test("requests that share a transaction fail alone", async () => {
  const store = await temporaryStore();
  const broken = { ...run("b"), created_at: null as unknown as string };
  const outcomes = await Promise.allSettled([
    store.insert(run("a")),
    store.insert(broken),
    store.insert(run("a")),
    store.insert(run("c")),
  ]);
  expect(outcomes).toMatchObject([
    { status: "fulfilled" },
    { status: "rejected", reason: { code: "STORE_UNAVAILABLE" } },
    { status: "rejected", reason: { code: "RUN_EXISTS" } },
    { status: "fulfilled" },
  ]);
  expect((await store.get("a"))?.document).toStrictEqual(run("a"));
  expect((await store.list({})).map(({ run_id }) => run_id).toSorted()).toEqual(["a", "c"]);
});
