import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RUN_MACHINE } from "../../machines/run.ts";
import { earliestWakeUp, runState } from "../../machines/run-view.ts";
import type { RunContext } from "../../machines/run-types.ts";
import type { Usage } from "../../services/runs/document.ts";
import {
  ALL_STATES,
  recordSnapshots,
  statesHeld,
  type Golden,
} from "../support/golden-snapshots.ts";
import { hostRuns, run, skippingClock, temporaryStore } from "../support/hosted-runs.ts";
import type { Persisted } from "../support/persisted-steps.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

const FOLDER = join(import.meta.dirname, "golden");
const DAY_MS = 86_400_000;

const golden = readdirSync(FOLDER).map((file): [string, Golden] => [
  file,
  JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Golden,
]);

const persisted = ({ snapshot }: Golden): Persisted => JSON.parse(snapshot) as Persisted;

const END: Readonly<Record<string, string>> = {
  cancelling: "cancelled",
  cancelled: "cancelled",
  failing: "failed",
  failed: "failed",
};
const endOf = (snapshot: Persisted): string =>
  END[runState(snapshot.value ?? "")] ??
  (statesHeld(snapshot).some((state) => state.endsWith("Job | expiring")) ? "failed" : "completed");

/** A store that holds it, and where its jobs have succeeded since. */
async function stored(saved: Golden) {
  const { run_id, document, snapshot, machine } = saved;
  const store = await temporaryStore();
  await store.insert(run(run_id), { owner: "writer", expires_at: Date.now() + 60_000 });
  const written = await store.commit([
    {
      run_id,
      expect: { revision: 0, token: 1, status: "pending" },
      document,
      snapshot,
      machine,
      wake_at: earliestWakeUp(persisted(saved)),
      attention_at: 0,
      consumed: [],
      outbox: [],
      history: [],
    },
  ]);
  expect(written).toEqual([{ result: "committed" }]);
  await store.takeOver("writer");

  const clock = skippingClock();
  clock.skip(Math.max(0, Date.parse(document.updated_at) - clock.now()) + DAY_MS);
  const effects = scriptedEffects({ now: clock.now });
  const running = (persisted(saved).context as RunContext).jobs
    .filter(({ state }) => state === "submitted")
    .map(({ job_id }) => job_id);
  for (const job of running) effects.jobs.set(job, "SUCCEEDED");
  return { store, clock, effects, running };
}

describe("golden snapshots of every released machine version", () => {
  test.each(golden)("%s restores and its run reaches its end", async (_, saved) => {
    const { run_id } = saved;
    const { store, clock, effects, running } = await stored(saved);
    const { supervisor } = await hostRuns(store, effects, { sweeps: false, clock });
    const settled = supervisor.settled(run_id);
    await supervisor.adopt(run_id);
    expect(await settled).toMatchObject({ status: endOf(persisted(saved)) });
    expect(
      effects.done.filter((effect) => running.some((job) => effect === `submitJob:${job}`)),
    ).toEqual([]);
  });

  test.each(
    golden.filter(
      ([, { machine, document }]) =>
        machine.version !== RUN_MACHINE.version && document.status === "running",
    ),
  )(
    "%s that breaks after a commit here is stored under the version of its state",
    async (_, saved) => {
      const { run_id } = saved;
      const { store, clock, effects } = await stored(saved);
      const usage = (): Usage => {
        if ((commits += 1) > 1) throw new Error("a fault of ours");
        return { gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 };
      };
      let commits = 0;
      const { supervisor } = await hostRuns(store, effects, { sweeps: false, clock, usage });
      const settled = supervisor.settled(run_id);
      await supervisor.adopt(run_id);
      expect(await settled).toMatchObject({ status: "failed", error: { code: "INTERNAL" } });
      expect((await store.get(run_id))?.machine).toEqual(RUN_MACHINE);
    },
  );

  test("the present version has a snapshot of every state of the run and of its jobs", async () => {
    const held = new Set(
      golden
        .filter(([, { machine }]) => machine.version === RUN_MACHINE.version)
        .flatMap(([, saved]) => statesHeld(persisted(saved))),
    );
    const recorded = new Set<string>();
    for (const [name, saved] of await recordSnapshots()) {
      const states = statesHeld(persisted(saved));
      for (const state of states) recorded.add(state);
      if (process.env["RECORD_GOLDEN"] !== "true" || states.every((state) => held.has(state)))
        continue;
      writeFileSync(
        join(FOLDER, `v${saved.machine.version}-${name}.json`),
        `${JSON.stringify(saved, null, 1)}\n`,
      );
      for (const state of states) held.add(state);
    }
    expect(ALL_STATES.filter((state) => !recorded.has(state))).toEqual([]);
    expect(ALL_STATES.filter((state) => !held.has(state))).toEqual([]);
  });
});
