import { canCrash, followPath, type PlannedCrash, type RunEnd } from "./follow-path.ts";
import type { ModelPath } from "./model-path.ts";
import { CRASH_POINTS } from "./steered-effects.ts";
import { steeredRun, type SteeredRun, type SteeredRunOptions } from "./steered-run.ts";
import type { RunStore } from "../../../services/runs/index.ts";

/**
 * Every transition of every path, stopped at each of the four points, and once without room for its
 * commit. Paths that begin alike share
 * the cells of their beginning.
 */

export interface PathCells {
  readonly path: ModelPath;
  readonly crashes: readonly PlannedCrash[];
}

/** Where the run, or the child machine whose end moves the run on, has nothing left to steer. */
const ENDS: ReadonlySet<unknown> = new Set([
  "completed",
  "failed",
  "cancelled",
  "succeeded",
  "stopped",
]);

export function planCells(paths: readonly ModelPath[]): PathCells[] {
  const begun = new Set<string>();
  return paths.map((path) => {
    const acts = path.steps.flatMap((step) => step.acts);
    const crashes = acts.flatMap((act, at): PlannedCrash[] => {
      const beginning = JSON.stringify(acts.slice(0, at + 1));
      if (begun.has(beginning)) return [];
      begun.add(beginning);
      return CRASH_POINTS.filter((point) => canCrash(act, point)).map((point) => ({ at, point }));
    });
    const mails = ENDS.has(path.steps.at(-1)?.expected.value)
      ? []
      : CRASH_POINTS.map((point): PlannedCrash => ({ at: "mail", point }));
    return { path, crashes: [...crashes, ...mails] };
  });
}

/**
 * What a crash changed that it must not change; empty when nothing. A mail goes out again when its
 * process died between sending and recording it.
 */
export function differences(run: SteeredRun, calm: RunEnd, end: RunEnd): string[] {
  const compared = ["document", "outbox", "inbox", "performed", "jobs"] as const;
  const changed = compared
    .filter((part) => JSON.stringify(calm[part]) !== JSON.stringify(end[part]))
    .map(
      (part) => `${part}: ${JSON.stringify(end[part])} instead of ${JSON.stringify(calm[part])}`,
    );
  const mails =
    end.mails.length !== calm.mails.length + run.mailsAtRisk.length ||
    new Set(end.mails).size !== calm.mails.length
      ? [`mails: ${end.mails.join(", ")}`]
      : [];
  return [...run.violations, ...changed, ...mails];
}

export async function runCells(
  store: RunStore,
  name: string,
  { path, crashes }: PathCells,
  faults: SteeredRunOptions = {},
): Promise<string[]> {
  const { config } = path;
  const calm = await followPath(await steeredRun(store, `${name}-calm`, { config }), path);
  const options = { ...faults, config };
  const wrong: string[] = [];
  for (const [cell, crash] of crashes.entries()) {
    const run = await steeredRun(store, `${name}-${cell}`, options);
    const struck = (): string[] =>
      crash.point === "on a full disk" && run.fullDisks() !== 1
        ? [`the disk was full ${run.fullDisks()} times`]
        : [];
    const problems = await followPath(run, path, { crash }).then(
      (end) => [...differences(run, calm, end), ...struck()],
      (error: Error) => [error.message],
    );
    wrong.push(...problems.map((problem) => `stopped ${crash.point} at ${crash.at}: ${problem}`));
  }
  return wrong;
}
