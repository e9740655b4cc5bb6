import { readFileSync, writeFileSync } from "node:fs";
import { describeMachine, transitionTable } from "../machines/describe-machine.ts";
import { inferenceJobMachine } from "../machines/inference-job.ts";
import { RUN_MACHINE, runMachine } from "../machines/run.ts";
import { stopJobsMachine } from "../machines/stop-jobs.ts";

/**
 * Rewrites the transition tables of run-lifecycle.md and the statecharts of the present version from
 * the machines.
 */
const MACHINES = { run: runMachine, inferenceJob: inferenceJobMachine, stopJobs: stopJobsMachine };
const page = new URL("run-lifecycle.md", import.meta.url);
const prose = readFileSync(page, "utf8").split("## Transitions of ")[0] ?? "";
const sections = Object.entries(MACHINES).map(([name, machine]) => {
  const rows = transitionTable(machine).map(
    ({ state, event, guard, target, actions }) =>
      `| ${state} | ${event} | ${guard} | ${target} | ${actions} |`,
  );
  return `## Transitions of ${name}\n\n| state | event | guard | target | actions |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
});
writeFileSync(page, prose + sections.join("\n"));
writeFileSync(
  new URL(`../machines/charts/v${RUN_MACHINE.version}.json`, import.meta.url),
  `${JSON.stringify(Object.values(MACHINES).map(describeMachine), null, 2)}\n`,
);
