import { createActor } from "xstate";
import { expect, test } from "vitest";
import { bindRunMachine } from "../../actors/host/bind-run-machine.ts";
import { persistedSnapshot, snapshotText } from "../../actors/host/persisted-snapshot.ts";
import { registerHost } from "../../actors/host/step.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { run } from "../support/hosted-runs.ts";

test("is what XState persists, in every state of a run with retries, two iterations and both jobs", async () => {
  const effects = scriptedEffects({ now: () => 0, scores: [1, 8] });
  const { run_id, query, config, random_seed } = run("r1", { max_iterations: 2 });
  let compared = 0;
  const actor = createActor(bindRunMachine(effects), {
    input: { run_id, query, config, random_seed },
    inspect(event) {
      if (event.type !== "@xstate.snapshot" || !started) return;
      compared += 1;
      const persisted = JSON.parse(JSON.stringify(actor.getPersistedSnapshot())) as unknown;
      expect(JSON.parse(JSON.stringify(persistedSnapshot(actor)))).toEqual(persisted);
      expect(JSON.parse(snapshotText(persistedSnapshot(actor)))).toEqual(persisted);
    },
  });
  registerHost(actor.system, {
    run: async (signal, work, report) =>
      report({ output: await work({ signal, quiesce: () => Promise.resolve() }) }),
  });
  let started = false;
  const ended = new Promise<void>((complete) => void actor.subscribe({ complete }));
  actor.subscribe(({ value }) => {
    if (typeof value === "object" && "inferring" in value)
      queueMicrotask(() => actor.send({ type: "clock.ticked", now: Number.MAX_SAFE_INTEGER }));
  });
  actor.start();
  started = true;
  actor.send({ type: "run.admitted" });
  await ended;
  expect(compared).toBeGreaterThan(50);
  expect(actor.getSnapshot().value).toBe("completed");
});
