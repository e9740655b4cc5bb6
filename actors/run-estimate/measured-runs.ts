import { toHaystackError } from "../../errors.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { measuredRun, type MeasuredRun } from "./measured-run.ts";

/** The newest say how it is now. */
const MOST_RUNS = 50;

/** What the newest completed runs tell, whoever asked them; each is read once. Error STORE_UNAVAILABLE. */
export function measuredRuns(
  runs: Pick<RunStore, "get" | "history" | "list">,
): () => Promise<readonly MeasuredRun[]> {
  const measure = async (runId: string): Promise<MeasuredRun | null> => {
    try {
      const record = await runs.get(runId);
      return record === undefined ? null : measuredRun(record, await runs.history(runId));
    } catch (thrown) {
      if (toHaystackError(thrown).code === "STORE_UNAVAILABLE") throw thrown;
      return null; // its record cannot be read, or is none of a run that ran
    }
  };
  let known: ReadonlyMap<string, MeasuredRun | null> = new Map();
  return async () => {
    const found = new Map<string, MeasuredRun | null>();
    for (const { run_id } of await runs.list({ status: "completed", limit: MOST_RUNS })) {
      const before = known.get(run_id);
      if (before !== undefined) found.set(run_id, before);
      else found.set(run_id, await measure(run_id));
    }
    known = found;
    return [...found.values()].filter((run) => run !== null);
  };
}
