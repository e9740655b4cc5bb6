import { join } from "node:path";
import type { Config } from "../config.ts";
import { openWorkbench } from "../workbench.ts";
import { newRun } from "../services/runs/document.ts";
import type { RunStore } from "../services/runs/index.ts";

const USERS = 7;

/** A small simulated atlas in which the question of the runs can be answered. */
export async function makeAtlas(config: Config): Promise<void> {
  const workbench = await openWorkbench(config);
  try {
    const file = join(config.dataDir, "atlas.h5ad");
    await workbench.compute.run("simulate", {
      file,
      options: {
        seed: 1,
        nGenes: 60,
        nCellTypes: 3,
        nPerturbations: 3,
        nDonors: 2,
        cellsPerGroup: 12,
      },
    });
    await workbench.atlases.import({ source: file });
  } finally {
    await workbench.close();
  }
}

/**
 * Every run has an address, so that every run owes a mail. Every second one has a job for each kind of
 * prediction, unless there are several `prompts` side by side, which share one.
 */
export const insertRun = (store: RunStore, index: number, prompts = 1): Promise<string> => {
  const run = newRun({
    run_id: `chaos-${index}`,
    query: "How would CD4+ T cells respond to IFN-gamma?",
    user_email: `user-${index % USERS}@example.org`,
    config: {
      max_iterations: index % 4 === 0 ? 2 : 1,
      control_strategy: index % 3 === 0 ? "query_as_control" : "synthetic_control",
      control_job: index % 2 === 0 || prompts > 1 ? "together" : "separate",
      prompts_per_round: prompts,
      prompt_cells: 20,
      query_cells: 20,
    },
    random_seed: index,
    now: Date.now(),
  });
  return store.insert(run).then(() => run.run_id);
};

export async function rests(store: RunStore): Promise<boolean> {
  for (const status of ["pending", "running"] as const)
    if ((await store.list({ status, limit: 1 })).length > 0) return false;
  return true;
}
