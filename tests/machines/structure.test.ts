import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { AnyStateMachine, AnyStateNode } from "xstate";
import { describeMachine, transitionTable } from "../../machines/describe-machine.ts";
import { inferenceJobMachine } from "../../machines/inference-job.ts";
import { RUN_STATES } from "../../machines/run-view.ts";
import { RUN_MACHINE, runMachine } from "../../machines/run.ts";
import { stopJobsMachine } from "../../machines/stop-jobs.ts";

const MACHINES: Readonly<Record<string, AnyStateMachine>> = {
  run: runMachine,
  inferenceJob: inferenceJobMachine,
  stopJobs: stopJobsMachine,
};

const nodesOf = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...Object.values(node.states).flatMap(nodesOf),
];

function lacks(machine: AnyStateMachine): string[] {
  return nodesOf(machine.root).flatMap((node) => {
    const problems = node.invoke.flatMap(({ id }) => {
      const events = [...node.transitions.keys()];
      return [`xstate.done.actor.${id}`, `xstate.error.actor.${id}`]
        .filter((event) => !events.includes(event))
        .map((event) => `${node.id} lacks ${event}`);
    });
    const leads = node.transitions.size > 0 || (node.always ?? []).length > 0;
    const inherits =
      node.parent !== undefined &&
      (node.parent.type === "compound" || node.parent.type === "parallel") &&
      node.parent.invoke.length > 0;
    if (node.type === "atomic" && !leads && !inherits)
      problems.push(`${node.id} is a dead end that is not final`);
    return problems;
  });
}

test.each(Object.entries(MACHINES))(
  "%s: every invoke has an explicit id, onDone and onError, and no state is a dead end",
  (_, machine) => {
    expect(lacks(machine)).toEqual([]);
    for (const node of nodesOf(machine.root))
      for (const { id } of node.invoke) expect(id).not.toMatch(/^\d+\./);
  },
);

test("delayed transitions are not used: their timers are lost on restore (D6)", () => {
  for (const machine of Object.values(MACHINES))
    for (const node of nodesOf(machine.root)) expect(node.after).toEqual([]);
});

test("cancel is accepted in every state that is not final or cancelling already", () => {
  for (const state of Object.values(runMachine.root.states)) {
    if (state.type === "final" || state.key === "cancelling") continue;
    expect([state.key, state.transitions.has("cancel.requested")]).toEqual([state.key, true]);
  }
});

test("every state of the run has a status", () => {
  expect(Object.keys(runMachine.root.states).toSorted()).toEqual(RUN_STATES.toSorted());
});

test("the transition tables in docs/run-lifecycle.md are those of the machines", async () => {
  const page = readFileSync("docs/run-lifecycle.md", "utf8");
  for (const [name, machine] of Object.entries(MACHINES)) {
    const rows = transitionTable(machine).map(
      ({ state, event, guard, target, actions }) =>
        `| ${state} | ${event} | ${guard} | ${target} | ${actions} |`,
    );
    const section = page.split(`## Transitions of ${name}\n`)[1]?.split("\n## ")[0] ?? "";
    expect(
      section
        .split("\n")
        .filter((line) => line.startsWith("| "))
        .slice(1),
    ).toEqual(rows);
  }
});

test("the statecharts that are kept of the present version are those of the machines; of each version that has snapshots there are some", () => {
  const kept = (version: string): unknown =>
    JSON.parse(readFileSync(`machines/charts/v${version}.json`, "utf8"));
  expect(kept(RUN_MACHINE.version)).toEqual(Object.values(MACHINES).map(describeMachine));
  const released = globSync("tests/machines/golden/*.json").map(
    (file) => (JSON.parse(readFileSync(file, "utf8")) as { machine: { version: string } }).machine,
  );
  for (const version of new Set(released.map((machine) => machine.version)))
    expect(kept(version)).toBeInstanceOf(Array);
});

test("a statechart is made of names: what they stand for lies in files beside it", () => {
  const charts = globSync("machines/*.ts").flatMap((file) => {
    const [, chart] = readFileSync(file, "utf8").split(/\.create(?:Machine|StateConfig)\(/);
    return chart === undefined ? [] : [{ file, inline: chart.match(/=>|\bfunction\b/g) ?? [] }];
  });
  expect(charts.map(({ file }) => file).toSorted()).toEqual([
    "machines/inference-job.ts",
    "machines/run-inference.ts",
    "machines/run-job-state.ts",
    "machines/run.ts",
    "machines/stop-jobs.ts",
  ]);
  expect(charts.filter(({ inline }) => inline.length > 0)).toEqual([]);
});
