import { expect, test } from "vitest";
import { createCommitFeed } from "../../actors/watch/commit-feed.ts";
import type { HaystackError } from "../../errors.ts";
import { run } from "../support/hosted-runs.ts";

test("listeners hear of one run or of all, until they stop, and one that throws harms no other", () => {
  const troubles: HaystackError[] = [];
  const feed = createCommitFeed((error) => troubles.push(error));
  const heard: string[] = [];
  const stops = [
    feed.subscribe("all", () => {
      throw new Error("planted");
    }),
    feed.subscribe("a", ({ run_id }) => heard.push(`a:${run_id}`)),
    feed.subscribe("all", ({ run_id }) => heard.push(`all:${run_id}`)),
  ];
  feed.publish(run("a"), []);
  feed.publish(run("b"), []);
  expect(heard).toEqual(["a:a", "all:a", "all:b"]);
  expect(troubles).toHaveLength(2);
  for (const stop of stops) stop();
  feed.publish(run("a"), []);
  expect(heard).toHaveLength(3);
});
