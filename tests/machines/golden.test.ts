import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RUN_MACHINE } from "../../machines/run.ts";
import { runState } from "../../machines/run-view.ts";
import type { RunCommit } from "../../services/runs/index.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { recordSnapshots } from "../support/golden-snapshots.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

const FOLDER = join(import.meta.dirname, "golden");

type Golden = Pick<RunCommit, "run_id" | "document" | "snapshot" | "machine">;
const golden = readdirSync(FOLDER).map((file): [string, Golden] => [file, JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Golden]);

const END: Readonly<Record<string, string>> = { cancelling: "cancelled", cancelled: "cancelled", failing: "failed", failed: "failed" };

describe("golden snapshots of every released machine version", () => {
  test.each(golden)("%s restores and its run reaches its end", async (_, { run_id, document, snapshot, machine }) => {
    const store = await temporaryStore();
    await store.insert(run(run_id), { owner: "writer", expires_at: Date.now() + 60_000 });
    const written = await store.commit([
      { run_id, expect: { revision: 0, token: 1, status: "pending" }, document, snapshot, machine, wake_at: null, attention_at: 0, consumed: [], outbox: [], history: [] },
    ]);
    expect(written).toEqual([{ result: "committed" }]);
    await store.takeOver("writer");
    const { supervisor } = await hostRuns(store, scriptedEffects({ now: () => Date.now() }), { sweeps: false });
    const settled = supervisor.settled(run_id);
    await supervisor.adopt(run_id);
    const state = runState((JSON.parse(snapshot) as { value: string }).value);
    expect(await settled).toMatchObject({ status: END[state] ?? "completed" });
  });

  test("the present version has a snapshot of every state that runs go through", async () => {
    const recorded = await recordSnapshots();
    const present = golden.filter(([, { machine }]) => machine.version === RUN_MACHINE.version);
    const held = new Set(present.map(([, { snapshot }]) => JSON.stringify((JSON.parse(snapshot) as { value: unknown }).value)));
    const missing = [...recorded].filter(([value]) => !held.has(value));
    if (process.env["RECORD_GOLDEN"] === "true") {
      for (const [value, { run_id, document, snapshot, machine }] of missing) {
        const name = value.replaceAll(/[^a-zA-Z]+/g, "-").replaceAll(/^-|-$/g, "");
        writeFileSync(join(FOLDER, `v${machine.version}-${name}.json`), `${JSON.stringify({ run_id, document, snapshot, machine }, null, 1)}\n`);
      }
    } else expect(missing.map(([value]) => value)).toEqual([]);
  });
});
