import { expect, test } from "vitest";
import type { AnalyzeOutput } from "../../machines/run-types.ts";
import { snapshotBudget } from "../../actors/host/persisted-snapshot.ts";
import type { HaystackError } from "../../errors.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

const WARNING = 64 * 1024;
const LIMIT = 4 * 1024 * 1024;

function budget(stored = "") {
  const troubles: HaystackError[] = [];
  return { troubles, check: snapshotBudget("r1", stored, (error) => troubles.push(error)) };
}

test.each([
  ["letters of one byte", "x", 1],
  ["of two", "ü", 2],
  ["of three", "細", 3],
  ["of four, two units each", "🧬", 4],
])("bytes are counted: %s", (_, letter, bytes) => {
  const { troubles, check } = budget();
  const atMost = (limit: number): string => letter.repeat(Math.floor(limit / bytes));
  check(atMost(WARNING));
  expect(troubles).toEqual([]);
  check(atMost(WARNING) + letter);
  const size = (Math.floor(WARNING / bytes) + 1) * bytes;
  expect(troubles).toMatchObject([
    {
      code: "SNAPSHOT_TOO_LARGE",
      message: `The state of run r1 has grown to ${size} bytes, over the budget of ${WARNING}.`,
    },
  ]);
  check(atMost(LIMIT));
  expect(() => check(atMost(LIMIT) + letter)).toThrow(
    expect.objectContaining({ code: "SNAPSHOT_TOO_LARGE" }),
  );
});

test("growth over the budget is told once, and again when it has been under it meanwhile", () => {
  const large = "細".repeat(30_000);
  const { troubles, check } = budget(large);
  check(large);
  expect(troubles).toEqual([]);
  check("small");
  check(large);
  check(large);
  expect(troubles).toHaveLength(1);
});

/** A run whose analysis answers with a text of so many bytes, three a letter. */
async function runWithAnswer(bytes: number) {
  const store = await temporaryStore();
  const effects = scriptedEffects({ now: () => Date.now(), strategy: "query_as_control" });
  const analyze = async (...args: Parameters<typeof effects.analyze>): Promise<AnalyzeOutput> => {
    const answer = await effects.analyze(...args);
    return {
      ...answer,
      structured_query: {
        ...answer.structured_query,
        ambiguities: [
          { field: "cell_type", text: "細".repeat(bytes / 3), chosen: "B cell", alternatives: [] },
        ],
      },
    };
  };
  const hosted = await hostRuns(store, { ...effects, analyze });
  const settled = hosted.supervisor.settled("r1");
  await hosted.supervisor.submit(run("r1"));
  const end = await settled;
  await expect.poll(() => hosted.supervisor.hosted()).toEqual([]);
  return { ...hosted, store, effects, end };
}

test("a run over the budget is reported once and completes", async () => {
  const { end, troubles } = await runWithAnswer(90_000);
  expect(end.status).toBe("completed");
  expect(troubles).toMatchObject([{ code: "SNAPSHOT_TOO_LARGE" }]);
});

test("a run over the limit has failed with the typed error, rests on its last good state and goes round no more", async () => {
  const { end, store, effects, mails, supervisor } = await runWithAnswer(4_500_000);
  const error = { code: "SNAPSHOT_TOO_LARGE", retryable: false };
  expect(end).toMatchObject({ status: "failed", error });
  const record = await store.get("r1");
  expect(record).toMatchObject({
    document: { status: "failed", error },
    wake_at: null,
    lease: null,
    inbox: [],
  });
  expect((record?.snapshot ?? "").length).toBeLessThan(WARNING);
  expect(
    await store.claim({ owner: "other", now: Date.now(), lease_ms: 1_000, limit: 10 }),
  ).toEqual([]);
  expect(effects.done).toEqual(["analyze"]);
  expect(mails.map(({ subject }) => subject)).toEqual(["run_failed"]);
  expect(supervisor.hosted()).toEqual([]);
});
