import { expect, test } from "vitest";
import { createCommitFeed } from "../../actors/watch/commit-feed.ts";
import { untilGranted } from "../../server/runs/granted.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { run } from "../support/hosted-runs.ts";

function wishing(wish: "cancel" | "retry") {
  const clock = manualClock(0);
  const commits = createCommitFeed(() => undefined);
  const events: string[] = [];
  const answered = untilGranted({ commits, clock }, "r1", wish, async () => {
    events.push("stored");
  }).then(() => events.push("answered"));
  const turn = () => new Promise((resolve) => void setImmediate(resolve));
  return { clock, commits, events, answered, turn };
}

test.each([
  ["cancel", "running", "cancelled"],
  ["retry", "failed", "pending"],
] as const)("%s is answered when a commit has granted it, no other", async (wish, no, yes) => {
  const { clock, commits, events, answered, turn } = wishing(wish);
  await turn();
  commits.publish({ ...run("r1"), status: no }, []);
  commits.publish({ ...run("r2"), status: yes }, []);
  await turn();
  expect(events).toEqual(["stored"]);
  commits.publish({ ...run("r1"), status: yes }, []);
  await answered;
  expect(events).toEqual(["stored", "answered"]);
  expect(clock.waiting).toBe(0);
});

test("one that nobody grants is answered after a second", async () => {
  const { clock, events, answered, turn } = wishing("cancel");
  await turn();
  clock.advance(999);
  await turn();
  expect(events).toEqual(["stored"]);
  clock.advance(1);
  await answered;
  expect(clock.waiting).toBe(0);
});

test("one that cannot be stored fails, and leaves nothing waiting", async () => {
  const clock = manualClock(0);
  const commits = createCommitFeed(() => undefined);
  const failure = new Error("The store is gone.");
  await expect(
    untilGranted({ commits, clock }, "r1", "cancel", () => Promise.reject(failure)),
  ).rejects.toBe(failure);
  expect(clock.waiting).toBe(0);
});
