import { expect, test } from "vitest";
import type { RunStore } from "../../services/runs/index.ts";
import { planCells, runCells } from "../support/model/crash-matrix.ts";
import type { Act, ModelPath } from "../support/model/model-path.ts";
import { patienceFor } from "../support/model/patience.ts";
import { runPaths } from "../support/model/run-paths.ts";
import { sharedSqlite } from "../support/shared-runs.ts";

/** A store that sets runs aside wrongly, or takes them up wrongly, is noticed by the crash matrix. */

type StoreFault = (store: RunStore) => RunStore;

const counting =
  (count: (fruitless: number) => number): StoreFault =>
  (store) => ({
    ...store,
    claim: async (request) =>
      (await store.claim(request)).map((record) => ({
        ...record,
        fruitless: count(record.fruitless ?? 0),
      })),
  });
/** After two ends of one run all others that are taken up count as its like. */
function countsForAll(): StoreFault {
  let most = 0;
  return counting((fruitless) => {
    most = Math.max(most, fruitless);
    return fruitless === 0 && most > 1 ? 3 : fruitless;
  });
}
const hidesDamage: StoreFault = (store) => ({
  ...store,
  claim: async (request) => (await store.claim(request)).map(({ damage: _, ...record }) => record),
});
const setsNothingAside: StoreFault = (store) => ({ ...store, setAside: async () => false });
const releasesNothing: StoreFault = (store) => ({ ...store, unsetAside: async () => true });
function beginsReleasedAnew(): StoreFault {
  const released = new Set<string>();
  return (store) => ({
    ...store,
    unsetAside(runId) {
      released.add(runId);
      return store.unsetAside(runId);
    },
    claim: async (request) =>
      (await store.claim(request)).map((record) =>
        released.has(record.document.run_id)
          ? { ...record, snapshot: null, machine: null }
          : record,
      ),
  });
}

const path = ((): ModelPath => {
  const found = runPaths().find(({ steps }) => {
    const acts: readonly Act[] = steps.flatMap((step) => step.acts);
    return acts.length === 3 && acts.at(-1)?.kind === "event";
  });
  if (found === undefined) throw new Error("The model has no such path.");
  return found;
})();

async function firstProblem(mutateStore: StoreFault, patienceMs: number): Promise<string> {
  const place = await sharedSqlite();
  const cells = planCells([path]).flatMap(({ crashes }) => crashes);
  for (const [cell, crash] of cells.entries()) {
    if (crash.takeUp === undefined) continue;
    const planned = { path, crashes: [crash] };
    const [problem] = await runCells(place, `cell-${cell}`, planned, { mutateStore, patienceMs });
    if (problem !== undefined) return problem;
  }
  return "nothing";
}

test.each<[string, StoreFault, RegExp]>([
  ["nothing where there is no fault", (store) => store, /^nothing$/],
  [
    "a record that cannot be read and is claimed again and again",
    setsNothingAside,
    /of a damaged record: .*to set aside for RECORD_UNREADABLE did not happen/,
  ],
  ["a record that is hosted although it cannot be read", hidesDamage, /of a damaged record: /],
  [
    "a take-up that ended its process and is not counted",
    counting(() => 0),
    /that ends its process: .*to set aside for RUN_ENDS_PROCESS did not happen/,
  ],
  [
    "a run that is set aside before the third end",
    counting((fruitless) => 2 * fruitless),
    /that ends its process: .*was set aside after 2 ends/,
  ],
  [
    "ends of one run that count against the others",
    countsForAll(),
    /that ends its process: .*the end of cell-\d+-0-after did not happen/,
  ],
  ["a release that does nothing", releasesNothing, /of a damaged record: .*did not happen/],
  [
    "a released run that begins anew",
    beginsReleasedAnew(),
    /of a damaged record: .*did not happen/,
  ],
])("the crash matrix notices %s", async (_, fault, expected) => {
  expect(await firstProblem(fault, patienceFor(expected))).toMatch(expected);
});
