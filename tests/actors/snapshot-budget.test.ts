import { expect, test } from "vitest";
import { RUN_MACHINE } from "../../machines/run.ts";
import type { AnalyzeOutput } from "../../machines/step-types.ts";
import { snapshotBudget } from "../../actors/host/persisted-snapshot.ts";
import type { HaystackError } from "../../errors.ts";
import { failedRun, TIME } from "../support/expected-runs.ts";
import { hostRuns, released, run, temporaryStore } from "../support/hosted-runs.ts";
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
  await released(store, "r1");
  return { ...hosted, store, effects, end };
}

test("a run over the budget is reported once and completes", async () => {
  const { end, troubles } = await runWithAnswer(90_000);
  expect(end.status).toBe("completed");
  expect(troubles).toMatchObject([{ code: "SNAPSHOT_TOO_LARGE" }]);
});

test("a run over the limit has failed with the typed error, rests on its last good state and goes round no more", async () => {
  const { end, store, effects, mails, supervisor } = await runWithAnswer(4_500_000);
  const shown = failedRun(
    { ...run("r1"), status: "running", current_phase: "query_analysis", started_at: TIME },
    "SNAPSHOT_TOO_LARGE",
    expect.stringMatching(
      /^The state of run r1 has grown to \d+ bytes; it may hold references only\. Report this\.$/,
    ) as string,
  );
  expect(end).toStrictEqual(shown);
  const record = await store.get("r1");
  expect(record).toStrictEqual({
    document: shown,
    snapshot: expect.any(String) as string,
    machine: RUN_MACHINE,
    revision: expect.any(Number) as number,
    lease: null,
    wake_at: null,
    inbox: [],
    outbox: [
      {
        key: expect.stringMatching(/^r1\.run_failed\.at-\d+$/) as string,
        kind: "run_failed",
        state: "sent",
        attempts: 1,
        due_at: expect.any(Number) as number,
        owed_since: expect.any(Number) as number,
        problem: null,
      },
    ],
    priority: 0,
  });
  expect((record?.snapshot ?? "").length).toBeLessThan(WARNING);
  expect(
    await store.claim({ owner: "other", now: Date.now(), lease_ms: 1_000, limit: 10 }),
  ).toEqual([]);
  expect(effects.done).toEqual(["analyze"]);
  expect(mails.map(({ subject }) => subject)).toEqual(["run_failed"]);
  expect(supervisor.hosted()).toEqual([]);
});
