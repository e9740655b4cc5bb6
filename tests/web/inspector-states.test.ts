import { expect, test } from "vitest";
import { describeMachine } from "../../machines/describe-machine.ts";
import { inferenceJobMachine } from "../../machines/inference-job.ts";
import { runMachine } from "../../machines/run.ts";
import { stopJobsMachine } from "../../machines/stop-jobs.ts";
import type { RunCommit } from "../../services/runs/index.ts";
import { actorsOf, commitsOf, litStates, textsAfter } from "../../web/src/inspector/states.ts";
import type { Transition } from "../../web/src/transition.ts";
import { ALL_STATES, recordSnapshots } from "../support/golden-snapshots.ts";
import type { Persisted } from "../support/persisted-steps.ts";
import { storedStates } from "../support/stored-states.ts";

const ACTORS = actorsOf([runMachine, inferenceJobMachine, stopJobsMachine].map(describeMachine));

const told = (commits: readonly RunCommit[]): Transition[] =>
  commits.flatMap(({ history }) =>
    history.map(({ revision, at, ...entry }, place) => ({
      ...entry,
      id: `${revision}.${place}`,
      at: new Date(at).toISOString(),
    })),
  );

test("at each commit the lit states are those of the stored machines, in every state that a run and its jobs can be in", async () => {
  const byRun = new Map<string, RunCommit[]>();
  await recordSnapshots((commit) => {
    byRun.set(commit.run_id, [...(byRun.get(commit.run_id) ?? []), commit]);
  });
  const seen = new Set<string>();
  for (const commits of byRun.values())
    commits.forEach((commit, place) => {
      const log = commitsOf(told(commits.slice(0, place + 1)));
      const lit = litStates(ACTORS, textsAfter(log, log.length));
      const stored = storedStates(JSON.parse(commit.snapshot) as Persisted);
      expect(Object.fromEntries([...lit].map(([name, paths]) => [name, paths.toSorted()]))).toEqual(
        Object.fromEntries(stored),
      );
      for (const [name, paths] of stored) for (const path of paths) seen.add(`${name} | ${path}`);
    });
  expect(ALL_STATES.filter((state) => !seen.has(state))).toEqual([]);
});
