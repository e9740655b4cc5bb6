import type { RunStore } from "../../services/runs/index.ts";
import { runsContract } from "../services/runs.contract.ts";
import { memoryRuns } from "../support/memory-runs.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Calls reach the storage one to three turns of the event loop late, as those of separate processes
 * would.
 */
function late(store: RunStore, nextDelay: () => number): RunStore {
  const delayed =
    <Args extends unknown[], Result>(operation: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      for (let turns = nextDelay(); turns > 0; turns--) await turn();
      return operation(...args);
    };
  return {
    ...store,
    get: delayed(store.get),
    commit: delayed(store.commit),
    claim: delayed(store.claim),
    deliver: delayed(store.deliver),
  };
}

/** The simulation's store keeps to the same contract as the real ones. */
runsContract("memory", async () => {
  const runs = memoryRuns();
  let calls = 0;
  return {
    open: async () => late(runs.open(), () => (calls++ % 3) + 1),
    setStatus: async (runId, status) => runs.setStatus(runId, status),
  };
});
