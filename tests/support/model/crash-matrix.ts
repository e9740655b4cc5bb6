import { canCrash, followPath, type PlannedCrash, type RunEnd } from "./follow-path.ts";
import type { ModelPath } from "./model-path.ts";
import { CRASH_POINTS } from "./steered-effects.ts";
import {
  TAKE_UP_FAULTS,
  throughTakeUp,
  type TakeUpFault,
  type WriteFields,
} from "./take-up-faults.ts";
import { steeredRun, type SteeredRun, type SteeredRunOptions } from "./steered-run.ts";
import type { RunStore } from "../../../services/runs/index.ts";

/**
 * Every transition of every path, stopped at each of the four points, once without room for its
 * commit, and once with each of the faults of the take-up that follows. Paths that begin alike
 * share the cells of their beginning.
 */

export interface CrashCell extends PlannedCrash {
  readonly takeUp?: TakeUpFault;
  /** Tells the damages of records apart. */
  readonly which?: number;
}

export interface PathCells {
  readonly path: ModelPath;
  readonly crashes: readonly CrashCell[];
}

export interface CrashedStore {
  readonly store: RunStore;
  readonly write: WriteFields;
}

/** Where the run, or the child machine whose end moves the run on, has nothing left to steer. */
const ENDS: ReadonlySet<unknown> = new Set([
  "completed",
  "failed",
  "cancelled",
  "succeeded",
  "stopped",
]);

const takeUps = (crash: PlannedCrash, which: number): CrashCell[] =>
  TAKE_UP_FAULTS.map((takeUp) => ({ ...crash, takeUp, which }));

export function planCells(paths: readonly ModelPath[]): PathCells[] {
  const begun = new Set<string>();
  return paths.map((path) => {
    const acts = path.steps.flatMap((step) => step.acts);
    const crashes = acts.flatMap((act, at): CrashCell[] => {
      const { prompts_per_round } = path.config ?? {};
      const beginning = JSON.stringify([prompts_per_round, acts.slice(0, at + 1)]);
      if (begun.has(beginning)) return [];
      begun.add(beginning);
      return [
        ...CRASH_POINTS.filter((point) => canCrash(act, point)).map((point) => ({ at, point })),
        ...takeUps({ at, point: "after the acknowledgement" }, begun.size),
      ];
    });
    const mails = ENDS.has(path.steps.at(-1)?.expected.value)
      ? []
      : [
          ...CRASH_POINTS.map((point): CrashCell => ({ at: "mail", point })),
          ...takeUps({ at: "mail", point: "after the effect" }, begun.size),
        ];
    return { path, crashes: [...crashes, ...mails] };
  });
}

/**
 * What a crash changed that it must not change; empty when nothing. A mail goes out again when its
 * process died between sending and recording it.
 */
function differences(run: SteeredRun, calm: RunEnd, end: RunEnd): string[] {
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
  { store, write }: CrashedStore,
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
    const { takeUp, which = 0 } = crash;
    const meanwhile = (struckRun: SteeredRun): Promise<void> =>
      takeUp === undefined ? Promise.resolve() : throughTakeUp(struckRun, takeUp, { write, which });
    const problems = await followPath(run, path, { crash, meanwhile }).then(
      (end) => [...differences(run, calm, end), ...struck()],
      (error: Error) => [error.message],
    );
    const what = `${crash.point} at ${crash.at}${takeUp === undefined ? "" : `, before a take-up ${takeUp}`}`;
    wrong.push(...problems.map((problem) => `stopped ${what}: ${problem}`));
  }
  return wrong;
}
