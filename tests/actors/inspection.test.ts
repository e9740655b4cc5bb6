import { createActor } from "xstate";
import { expect, test } from "vitest";
import { createInspection } from "../../actors/inspection/inspection.ts";
import type { InspectionMessage } from "../../actors/inspection/messages.ts";
import { stateValue } from "../../actors/inspection/replay.ts";
import { sanitise } from "../../actors/inspection/sanitise.ts";
import type { HaystackError } from "../../errors.ts";
import { runMachine } from "../../machines/run.ts";
import { run } from "../support/hosted-runs.ts";

const { run_id, query, config, random_seed } = run("r1");
const troubles: HaystackError[] = [];
const room = (): Promise<void> => Promise.resolve();

/** A live run whose system counts who observes it. */
function observedRun() {
  const actor = createActor(runMachine, { input: { run_id, query, config, random_seed } });
  actor.start();
  const inspect = actor.system.inspect.bind(actor.system);
  let observers = 0;
  actor.system.inspect = (observer) => {
    observers += 1;
    const { unsubscribe } = inspect(observer);
    return {
      unsubscribe() {
        observers -= 1;
        unsubscribe();
      },
    };
  };
  return { actor, observers: () => observers };
}

test("a machine is observed only while somebody looks", () => {
  const inspection = createInspection({ now: () => 5 }, (error) => void troubles.push(error));
  const { actor, observers } = observedRun();
  inspection.opened("r1", actor);
  expect(observers()).toBe(0);
  const messages: InspectionMessage[] = [];
  const detach = inspection.attach({ send: (message) => void messages.push(message), room }, "r1");
  expect([observers(), inspection.viewers()]).toEqual([1, 1]);
  actor.send({ type: "clock.ticked", now: 1 });
  const told = messages.length;
  expect(told).toBeGreaterThan(1);
  detach();
  expect([observers(), inspection.viewers()]).toEqual([0, 0]);
  actor.send({ type: "clock.ticked", now: 2 });
  expect(messages).toHaveLength(told);
  actor.stop();
});

test("a run that leaves memory is detached, one that comes back is announced anew", () => {
  const inspection = createInspection({ now: () => 5 }, (error) => void troubles.push(error));
  const first = observedRun();
  const second = observedRun();
  const messages: InspectionMessage[] = [];
  const detach = inspection.attach({ send: (message) => void messages.push(message), room });
  inspection.opened("r1", first.actor);
  inspection.opened("r1", second.actor);
  inspection.closed("r1", first.actor);
  expect([first.observers(), second.observers()]).toEqual([0, 1]);
  inspection.closed("r1", second.actor);
  expect(second.observers()).toBe(0);
  expect(messages.map(({ type, sessionId }) => `${type} ${sessionId}`)).toEqual([
    "@xstate.actor r1",
    "@xstate.actor r1",
  ]);
  detach();
});

test("a viewer that breaks loses its view, and the machine goes on", () => {
  const inspection = createInspection({ now: () => 5 }, (error) => void troubles.push(error));
  const { actor, observers } = observedRun();
  inspection.opened("r1", actor);
  let told = 0;
  const send = (): void => {
    told += 1;
    if (told > 2) throw new Error("The viewer is broken.");
  };
  inspection.attach({ send, room }, "r1");
  troubles.length = 0;
  actor.send({ type: "run.admitted" });
  expect(actor.getSnapshot().value).toBe("analyzing");
  expect([observers(), inspection.viewers()]).toEqual([0, 0]);
  expect(troubles.map(({ message }) => message)).toEqual(["The viewer is broken."]);
  actor.stop();
});

test("only names, states and numbers are shown", () => {
  const shown = sanitise({
    query: "text",
    run_id: "r1",
    score: 3,
    nested: {
      code: "JOB_FAILED",
      message: "text",
      list: ["a", 1, null, { kind: "control", note: "b" }],
    },
    ok: true,
    gone: undefined,
    act: () => 1,
  });
  expect(shown).toEqual({
    run_id: "r1",
    score: 3,
    nested: { code: "JOB_FAILED", list: [1, null, { kind: "control" }] },
    ok: true,
  });
});

test.for([
  ["queued", "queued"],
  ["evaluating.scoring", { evaluating: "scoring" }],
  [
    "inferring.prediction.predicting|control.ready",
    { inferring: { prediction: "predicting", control: "ready" } },
  ],
  [
    "inferring.separate.prediction.predicting|control.ready",
    { inferring: { separate: { prediction: "predicting", control: "ready" } } },
  ],
  ["inferring.together", { inferring: "together" }],
] as const)("the state text %s is read back", ([text, value]) => {
  expect(stateValue(text)).toEqual(value);
});
