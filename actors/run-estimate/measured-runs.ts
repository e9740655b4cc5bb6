import type { RunStore } from "../../services/runs/index.ts";
import { measuredRun, type MeasuredRun } from "./measured-run.ts";

/** The newest say how it is now. */
const MOST_RUNS = 50;

/** What the newest completed runs tell, whoever asked them; each is read once. Error STORE_UNAVAILABLE. */
export function measuredRuns(
  runs: Pick<RunStore, "get" | "history" | "list">,
): () => Promise<readonly MeasuredRun[]> {
  let known: ReadonlyMap<string, MeasuredRun | null> = new Map();
  return async () => {
    const found = new Map<string, MeasuredRun | null>();
    for (const { run_id } of await runs.list({ status: "completed", limit: MOST_RUNS })) {
      const before = known.get(run_id);
      if (before !== undefined) found.set(run_id, before);
      else {
        const record = await runs.get(run_id);
        if (record !== undefined)
          found.set(run_id, measuredRun(record, await runs.history(run_id)));
      }
    }
    known = found;
    return [...found.values()].filter((run) => run !== null);
  };
}
