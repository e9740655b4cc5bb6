import { createActor, type Actor, type Snapshot } from "xstate";
import { HaystackError, recordUnreadable } from "../../errors.ts";
import { isRunId } from "../../machines/job-id.ts";
import type { RunMachine } from "../../machines/run.ts";
import { earliestWakeUp, runView } from "../../machines/run-view.ts";
import { migrateSnapshot } from "../../machines/versions.ts";
import type { RunRecord } from "../../services/runs/index.ts";
import { wasRefused } from "../../services/runs/document.ts";
import type { RunLife } from "./run-life.ts";

export interface RestoredRun {
  /** Not started yet. */
  readonly actor: Actor<RunMachine>;
  /**
   * The snapshot as it is stored. As an object it shares its parts with the live actor; as text it
   * would cost memory of its own.
   */
  readonly lastGood: object | null;
  readonly life: RunLife;
  /** As the machine's state has it: another program may have written the record's. */
  readonly wakeAt: number | null;
  /** Why the machine is never started here. */
  readonly problem: HaystackError | null;
  /** The document shows another status than the machine does. */
  readonly differs: boolean;
}

/** The run that a snapshot says it is of. */
const ownerOf = (snapshot: unknown): unknown =>
  (snapshot as { readonly context?: { readonly run_id?: unknown } } | null | undefined)?.context
    ?.run_id;

/** The actor of a stored run, and the life that its hosting begins with. */
export function restoreRun(machine: RunMachine, record: RunRecord): RestoredRun {
  const { document } = record;
  const lastGood = record.snapshot === null ? null : (JSON.parse(record.snapshot) as object);
  const stored =
    lastGood === null || record.machine === null ? null : migrateSnapshot(record.machine, lastGood);
  const owner = ownerOf(stored);
  if (stored !== null && stored !== undefined && owner !== document.run_id)
    throw recordUnreadable(document.run_id, "its state is that of another run");
  const actor = createActor(machine, {
    input: {
      run_id: document.run_id,
      query: document.query,
      config: document.config,
      random_seed: document.random_seed,
    },
    ...(stored === null || stored === undefined ? {} : { snapshot: stored as Snapshot<unknown> }),
  });
  const restored = {
    actor,
    lastGood,
    wakeAt: stored === null || stored === undefined ? null : earliestWakeUp(stored),
  };
  if (lastGood === null && wasRefused({ ...document, snapshot: null })) {
    const { code, message } = document.error ?? { code: "CONFIG_INVALID", message: "" };
    const problem = new HaystackError(code, message);
    return {
      ...restored,
      life: { state: "refused", error: problem.toRecord() },
      problem,
      differs: false,
    };
  }

  if (!isRunId(document.run_id)) {
    const problem = new HaystackError(
      "USAGE",
      `The run id ${document.run_id} cannot be used in job names; use at most 44 lower-case letters, digits and inner hyphens.`,
    );
    return {
      ...restored,
      life: { state: "refused", error: problem.toRecord() },
      problem,
      differs: false,
    };
  }
  if (stored === undefined) {
    const problem = new HaystackError(
      "MACHINE_VERSION_UNKNOWN",
      `Run ${document.run_id} was written by version ${record.machine?.version ?? "?"} of the machine, which this release cannot read; run the release that wrote it.`,
    );
    return {
      ...restored,
      life: { state: "unreadable", error: problem.toRecord() },
      problem,
      differs: false,
    };
  }
  const { value, context } = actor.getSnapshot();
  const view = runView(value, context);
  return {
    ...restored,
    life: lifeOf(record, view),
    problem: null,
    differs: view.status !== document.status,
  };
}

/** It broke under an earlier host when the stored failure is not the machine's own. */
function lifeOf(
  { document: { status, error, error_message } }: RunRecord,
  view: ReturnType<typeof runView>,
): RunLife {
  const isParked =
    view.status !== status &&
    status === "failed" &&
    error !== null &&
    error.code !== "MACHINE_VERSION_UNKNOWN" &&
    error_message !== view.error_message;
  return isParked ? { state: "parked", error } : { state: "starting" };
}
