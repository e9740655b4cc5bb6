import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { sqliteWrites } from "../support/foreign-writes.ts";
import {
  planCells,
  runCells,
  type CrashedStore,
  type PathCells,
} from "../support/model/crash-matrix.ts";
import { inferenceJobPaths, stopJobsPaths } from "../support/model/job-paths.ts";
import { runPaths } from "../support/model/run-paths.ts";

/**
 * A process that dies before the commit, after it, after the effect or after the acknowledgement
 * changes nothing of what becomes of the run, nor does a run that is set aside when it is taken up
 * again, made good and released.
 */

const CELLS = planCells([...runPaths(), ...inferenceJobPaths(), ...stopJobsPaths()]);

const opened = new AsyncDisposableStack();
let place: CrashedStore;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "haystack-crashes-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "runs.sqlite");
  const store = await openSqliteRuns({ file });
  opened.defer(() => store.close());
  await store.list({});
  const other = new DatabaseSync(file, { timeout: 10_000 });
  opened.defer(() => other.close());
  place = { store, write: sqliteWrites(other).write };
});
afterAll(() => opened.disposeAsync());

test.each(
  CELLS.map((cells, index): [string, number, PathCells] => [cells.path.name, index, cells]),
)("%s (%i)", async (_, index, cells) => {
  expect(await runCells(place, `path-${index}`, cells)).toEqual([]);
});
