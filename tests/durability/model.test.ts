import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import type { AnyStateMachine, StateValue } from "xstate";
import { inferenceJobMachine } from "../../machines/inference-job.ts";
import type { RunContext } from "../../machines/run-types.ts";
import { runView } from "../../machines/run-view.ts";
import { runMachine } from "../../machines/run.ts";
import { stopJobsMachine } from "../../machines/stop-jobs.ts";
import { runDocumentSchema } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { openSqliteRuns } from "../../services/runs/sqlite.ts";
import { allRows, allStates } from "../support/model/coverage.ts";
import { followPath } from "../support/model/follow-path.ts";
import { inferenceJobPaths, stopJobsPaths } from "../support/model/job-paths.ts";
import type { ModelPath, ModelStep } from "../support/model/model-path.ts";
import { runPaths } from "../support/model/run-paths.ts";
import { steeredRun, type SteeredRun } from "../support/model/steered-run.ts";
import type { Persisted } from "../support/persisted-steps.ts";

/** Every state and every transition of the production machines, taken by real runs on the real store. */

const PATHS: Readonly<Record<string, { readonly machine: AnyStateMachine; readonly paths: readonly ModelPath[] }>> = {
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

/** What holds in every state: D1, and the log in order. */
async function expectInvariants(run: SteeredRun, { view }: ModelStep): Promise<void> {
  const record = await store.get(run.runId);
  const snapshot = JSON.parse(record?.snapshot ?? "null") as Persisted;
  expect(record?.document).toMatchObject(runView(snapshot.value as StateValue, snapshot.context as RunContext));
  expect(runDocumentSchema.safeParse(record?.document).error).toBeUndefined();
  if (view !== null) expect(record?.document).toMatchObject(view);
  const revisions = (await store.history(run.runId)).map(({ revision }) => revision);
  expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  expect(revisions.at(-1)).toBeLessThanOrEqual(record?.revision ?? 0);
  expect(run.violations).toEqual([]);
}

describe.each(Object.entries(PATHS))("paths of %s", (name, { machine, paths }) => {
  test("cover all of its states and transitions", () => {
    const rows = new Set(paths.flatMap((path) => [...path.rows]));
    const states = new Set(paths.flatMap((path) => [...path.states]));
    expect(allRows(machine).filter((row) => !rows.has(row))).toEqual([]);
    expect(allStates(machine).filter((state) => !states.has(state))).toEqual([]);
  });

  test.each(paths.map((path, index): [string, number, ModelPath] => [path.name, index, path]))("%s (%i)", async (_, index, path) => {
    const run = await steeredRun(store, `${name.toLowerCase()}-${index}`);
    const end = await followPath(run, path, { onStep: (step) => expectInvariants(run, step) });
    expect(run.violations).toEqual([]);
    expect(end.mails).toEqual([...new Set(end.mails)]);
    expect(end.jobs).toEqual([...new Set(end.jobs)]);
    expect(end.outbox.length).toBeGreaterThan(0);
    for (const mail of end.outbox) expect(mail).toMatch(/ sent$/);
  });
});
