import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunStore } from "../../services/runs/index.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { planCells, runCells, type PathCells } from "../support/model/crash-matrix.ts";
import { inferenceJobPaths, stopJobsPaths } from "../support/model/job-paths.ts";
import { runPaths } from "../support/model/run-paths.ts";

/**
 * A process that dies before the commit, after it, after the effect or after the acknowledgement
 * changes nothing of what becomes of the run.
 */

const CELLS = planCells([...runPaths(), ...inferenceJobPaths(), ...stopJobsPaths()]);

let folder = "";
let store: RunStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "haystack-crashes-"));
  store = await openSqliteRuns({ file: join(folder, "runs.sqlite") });
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

test.each(
  CELLS.map((cells, index): [string, number, PathCells] => [cells.path.name, index, cells]),
)("%s (%i)", async (_, index, cells) => {
  expect(await runCells(store, `path-${index}`, cells)).toEqual([]);
});
