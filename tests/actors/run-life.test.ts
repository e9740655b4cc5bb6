import { describe, expect, test } from "vitest";
import { createRunLife, type RunLife, type RunLifeState } from "../../actors/host/run-life.ts";
import {
  createWriteState,
  type WriteEvent,
  type WriteState,
} from "../../actors/host/write-state.ts";
import type { ErrorRecord } from "../../errors.ts";

const error: ErrorRecord = { code: "INTERNAL", message: "It broke.", retryable: false };
const lifeIn = (state: RunLifeState): RunLife =>
  state === "starting" || state === "live" || state === "stopped" ? { state } : { state, error };

const STATES: readonly RunLifeState[] = [
  "starting",
  "live",
  "parked",
  "broken",
  "refused",
  "unreadable",
  "stopped",
];

describe("the life of a hosted run", () => {
  test.each<[RunLifeState, readonly RunLifeState[]]>([
    ["starting", ["live", "broken", "stopped"]],
    ["live", ["broken", "stopped"]],
    ["parked", ["starting", "stopped"]],
    ["broken", ["stopped"]],
    ["refused", ["stopped"]],
    ["unreadable", ["stopped"]],
    ["stopped", []],
  ])("that is %s becomes one of %j and nothing else", (from, may) => {
    for (const to of STATES) {
      const life = createRunLife(lifeIn(from));
      if (may.includes(to)) {
        life.become(lifeIn(to));
        expect(life.state).toBe(to);
      } else {
        expect(() => life.become(lifeIn(to))).toThrow(`A run that is ${from} cannot become ${to}.`);
        expect(life.state).toBe(from);
      }
    }
  });

  test.each(STATES)("that is %s has an error exactly when it is shown as failed", (state) => {
    const isShown = ["parked", "broken", "refused", "unreadable"].includes(state);
    expect(createRunLife(lifeIn(state)).error).toEqual(isShown ? error : null);
  });
});

describe("the write state of a run", () => {
  const after = (...events: readonly WriteEvent[]): WriteState => {
    const write = createWriteState();
    for (const event of events) write.on(event);
    return write.state;
  };

  test.each<[readonly WriteEvent[], WriteState]>([
    [[], "clean"],
    [["change"], "changed"],
    [["change", "change"], "changed"],
    [["change", "take"], "writing"],
    [["change", "take", "settle"], "clean"],
    [["change", "take", "change"], "stale"],
    [["change", "take", "change", "change"], "stale"],
    [["change", "take", "change", "settle"], "changed"],
    [["change", "take", "change", "settle", "take", "settle"], "clean"],
  ])("after %j is %s", (events, state) => {
    expect(after(...events)).toBe(state);
  });

  test.each<[readonly WriteEvent[], string]>([
    [["take"], "A run that is clean cannot take."],
    [["settle"], "A run that is clean cannot settle."],
    [["change", "settle"], "A run that is changed cannot settle."],
    [["change", "take", "take"], "A run that is writing cannot take."],
    [["change", "take", "change", "take"], "A run that is stale cannot take."],
  ])("refuses %j", (events, message) => {
    expect(() => after(...events)).toThrow(message);
  });
});
