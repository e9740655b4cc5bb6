import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { answerToWish, runStateForbids, WISH_EVENTS } from "../../actors/run-wishes.ts";
import { runMachine } from "../../machines/run.ts";
import { runState } from "../../machines/run-view.ts";
import type { Golden } from "../support/golden-snapshots.ts";
import { run } from "../support/hosted-runs.ts";
import type { Persisted } from "../support/persisted-steps.ts";

test.each([
  ["cancel", "pending", "acts"],
  ["cancel", "running", "acts"],
  ["cancel", "failed", "acts"],
  ["cancel", "cancelled", "granted"],
  ["cancel", "completed", "forbidden"],
  ["retry", "pending", "granted"],
  ["retry", "running", "granted"],
  ["retry", "failed", "acts"],
  ["retry", "cancelled", "forbidden"],
  ["retry", "completed", "forbidden"],
] as const)("%s of a run that is %s: %s", (wish, status, answer) => {
  expect(answerToWish(wish, status)).toBe(answer);
});

test("what is forbidden names the run and its status", () => {
  const { code, message, details } = runStateForbids({ ...run("r1"), status: "completed" });
  expect([code, message, details]).toEqual([
    "RUN_STATE_FORBIDS",
    "Run r1 is completed; nothing was changed.",
    { run_id: "r1" },
  ]);
});

const GOLDEN = join(import.meta.dirname, "../machines/golden");
const held = readdirSync(GOLDEN).map((file) => {
  const { document, snapshot } = JSON.parse(readFileSync(join(GOLDEN, file), "utf8")) as Golden;
  return {
    status: document.status,
    state: runState((JSON.parse(snapshot) as Persisted).value ?? ""),
  };
});

test.each(["cancel", "retry"] as const)(
  "the machine takes %s exactly in the states whose status says so",
  (wish) => {
    expect(new Set(held.map(({ status }) => status)).size).toBe(5);
    const takes = (state: (typeof held)[number]["state"]): boolean =>
      runMachine.states[state]?.ownEvents.includes(WISH_EVENTS[wish]) === true;
    expect(held.map(({ state }) => [state, takes(state)])).toEqual(
      held.map(({ state, status }) => [state, answerToWish(wish, status) === "acts"]),
    );
  },
);
