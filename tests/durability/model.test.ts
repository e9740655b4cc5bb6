import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import type { AnyStateMachine } from "xstate";
import { inferenceJobMachine } from "../../machines/inference-job.ts";
import { runMachine } from "../../machines/run.ts";
import { stopJobsMachine } from "../../machines/stop-jobs.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { allRows, allStates } from "../support/model/coverage.ts";
import { followPath } from "../support/model/follow-path.ts";
import { expectInvariants } from "../support/model/invariants.ts";
import { inferenceJobPaths, stopJobsPaths } from "../support/model/job-paths.ts";
import type { ModelPath } from "../support/model/model-path.ts";
import { runPaths } from "../support/model/run-paths.ts";
import { steeredRun } from "../support/model/steered-run.ts";

/**
 * Every state and every transition of the production machines, taken by real runs on the real
 * store.
 */

const PATHS: Readonly<
  Record<string, { readonly machine: AnyStateMachine; readonly paths: readonly ModelPath[] }>
> = {
  run: { machine: runMachine, paths: runPaths() },
  inferenceJob: { machine: inferenceJobMachine, paths: inferenceJobPaths() },
  stopJobs: { machine: stopJobsMachine, paths: stopJobsPaths() },
};

let folder = "";
let store: RunStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "haystack-model-"));
  store = await openSqliteRuns({ file: join(folder, "runs.sqlite") });
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

function uncovered(machine: AnyStateMachine, paths: readonly ModelPath[]): string[] {
  const taken = new Set(paths.flatMap(({ rows, states }) => [...rows, ...states]));
  return [...allRows(machine), ...allStates(machine)].filter((part) => !taken.has(part));
}

describe.each(Object.entries(PATHS))("paths of %s", (name, { machine, paths }) => {
  test("cover all of its states and transitions", () => {
    expect(uncovered(machine, paths)).toEqual([]);
  });

  test("leave something uncovered when those through one transition, or one state, are left out", () => {
    for (const row of allRows(machine))
      expect(
        uncovered(
          machine,
          paths.filter(({ rows }) => !rows.has(row)),
        ),
      ).toContain(row);
    for (const state of allStates(machine))
      expect(
        uncovered(
          machine,
          paths.filter(({ states }) => !states.has(state)),
        ),
      ).toContain(state);
  });

  test.each(paths.map((path, index): [string, number, ModelPath] => [path.name, index, path]))(
    "%s (%i)",
    async (_, index, path) => {
      const run = await steeredRun(store, `${name.toLowerCase()}-${index}`, {
        config: path.config,
      });
      const end = await followPath(run, path, { onStep: (step) => expectInvariants(run, step) });
      expect(run.violations).toEqual([]);
      expect(end.mails).toEqual([...new Set(end.mails)]);
      expect(end.jobs).toEqual([...new Set(end.jobs)]);
      expect(end.outbox.length).toBeGreaterThan(0);
      for (const mail of end.outbox) expect(mail).toMatch(/ sent$/);
    },
  );
});
