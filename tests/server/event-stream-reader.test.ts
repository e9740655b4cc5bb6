import { EventEmitter } from "node:events";
import type { FastifyReply } from "fastify";
import { expect, test } from "vitest";
import type { LoggedTransition, WatchedRun } from "../../actors/watch/run-watcher.ts";
import { createOpenStreams } from "../../server/events/open-streams.ts";
import { createEventStream, placeAfter } from "../../server/events/stream.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { run } from "../support/hosted-runs.ts";

const entry = (id: string): LoggedTransition => ({
  id,
  revision: Number(id.split(".")[0]),
  at: 0,
  actor: "run",
  event: "tick",
  from: "a",
  to: "b",
});
const LOG = ["1.0", "1.1", "2.0", "10.0"].map(entry);

test("the rest of a log begins after what was seen last, in the order of numbers", () => {
  const places: [string | undefined, number][] = [
    [undefined, 0],
    ["0.5", 0],
    ["1.0", 1],
    ["1.1", 2],
    ["1.7", 2],
    ["2.0", 3],
    ["9.9", 3],
    ["10.0", 4],
    ["11.0", 4],
  ];
  expect(places.map(([seen]) => [seen, placeAfter(LOG, seen)])).toEqual(places);
});

function reading({ takes = true } = {}) {
  const clock = manualClock(0);
  const written: string[] = [];
  const raw = Object.assign(new EventEmitter(), {
    destroyed: false,
    write: (text: string) => {
      written.push(text);
      return takes;
    },
    destroy: () => {
      raw.destroyed = true;
      raw.emit("close");
    },
  });
  const leave: (() => void)[] = [];
  const reply = {
    raw,
    sse: { onClose: (left: () => void) => void leave.push(left), sendHeaders: () => undefined },
  } as unknown as FastifyReply;
  const state = { resting: false };
  const document = run("r1");
  const watched: WatchedRun = {
    document: () => document,
    log: LOG,
    resting: () => state.resting,
    close: () => undefined,
  };
  return { clock, leave, raw, state, stream: createEventStream(reply, clock), watched, written };
}

test("a stream ends when the run rests, with what led there and then the run", async () => {
  const { clock, state, stream, watched, written } = reading();
  state.resting = true;
  await stream.serve(watched, 2);
  const ids = written.join("").match(/^id: .*$/gm);
  expect(ids).toEqual(["id: 2.0", "id: 10.0"]);
  expect(written.join("").match(/^event: .*$/gm)).toEqual([
    "event: transition",
    "event: transition",
    "event: run",
  ]);
  expect(clock.waiting).toBe(0);
});

test("a stream ends an hour after its beginning, so that its reader says again who it is", async () => {
  const { clock, stream, watched, written } = reading();
  let isOver = false;
  const served = stream.serve(watched, 0).finally(() => {
    isOver = true;
  });
  await expect.poll(() => written.length).toBe(1);
  clock.advance(3_599_999);
  await Promise.resolve();
  expect(isOver).toBe(false);
  clock.advance(1);
  await served;
  expect(clock.waiting).toBe(0);
});

test("a reader that takes nothing for ten seconds is disconnected", async () => {
  const { clock, leave, raw, stream, watched } = reading({ takes: false });
  const served = stream.serve(watched, 0);
  raw.once("close", () => leave.forEach((left) => left()));
  clock.advance(9_999);
  expect(raw.destroyed).toBe(false);
  clock.advance(1);
  await served;
  expect(raw.destroyed).toBe(true);
  expect(clock.waiting).toBe(0);
});

test("a place in the streams is taken until it is given back, once", () => {
  const streams = createOpenStreams({ total: 3, perUser: 2 });
  const leaves = ["ada", "ada", "bo"].map((owner) => streams.open(owner));
  expect(() => streams.open("ada")).toThrow(/^You have 2 open event streams/);
  expect(() => streams.open("cy")).toThrow(/^This server has reached its limit/);
  leaves[0]?.();
  leaves[0]?.();
  streams.open("ada");
  expect(() => streams.open("ada")).toThrow(expect.objectContaining({ code: "TOO_MANY_STREAMS" }));
  expect(() => streams.open("cy")).toThrow(expect.objectContaining({ code: "TOO_MANY_STREAMS" }));
});
