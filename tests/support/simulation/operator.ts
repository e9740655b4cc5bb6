import { findStuck } from "../../../actors/stuck.ts";
import type { ErrorCode } from "../../../errors.ts";
import type { Clock } from "../../../services/clock/index.ts";
import type { RunRecord } from "../../../services/runs/index.ts";
import type { MemoryRuns } from "../memory-runs.ts";
import type { BatchWorld } from "./batch-world.ts";
import type { BadRun, PlannedRun } from "./planned-runs.ts";
import type { Random } from "./random.ts";
import { MINUTE } from "./time-line.ts";
import type { Witness } from "./witness.ts";

/**
 * Who damages records, and who looks every minute at what is stuck, makes good what was set aside
 * and releases it.
 */
export interface Operator {
  start(): void;
  /** Taking it up ends the process; counted. */
  endsProcess(runId: string): boolean;
}

export interface OperatorOptions {
  readonly clock: Clock;
  /** As a daemon has it, of which the stuck list is asked. */
  readonly timeOfDay: () => number;
  readonly random: Random;
  readonly runs: MemoryRuns;
  readonly planned: readonly PlannedRun[];
  readonly batch: BatchWorld;
  readonly witness: Witness;
  /** Processes that have ended so far without being asked. */
  readonly deaths: () => number;
  /** From when on everything works: what is then asked of Batch is soon on record. */
  readonly faultsUntil: number;
}

const CODES: Readonly<Record<BadRun["does"]["part"], ErrorCode>> = {
  snapshot: "RECORD_UNREADABLE",
  document: "RECORD_UNREADABLE",
  writes: "RECORD_REFUSED",
  process: "RUN_ENDS_PROCESS",
};
/** After so many a run may be taken for the cause, even where it is not. */
const ENDS = 3;
/** For so long a job may be stopping before somebody has to see it. */
const UNCONFIRMED_MS = 15 * MINUTE;
/** A run that goes on to another state asks anew, and is seen again when that was long ago. */
const MOST_UNSEEN = 3;

export function createOperator({
  clock,
  timeOfDay,
  random,
  runs,
  planned,
  batch,
  witness,
  deaths,
  faultsUntil,
}: OperatorOptions): Operator {
  const store = runs.open();
  const bad = new Map(planned.flatMap(({ run_id, bad: its }) => (its ? [[run_id, its]] : [])));
  const ended = new Map<string, number>();
  const good = new Set<string>();
  const inHand = new Set<string>();
  const unseen = new Map<string, number>();
  const after = (ms: number, work: () => void): void => void clock.at(clock.now() + ms, work);

  const judge = ({ document, lease, set_aside }: RunRecord): void => {
    const { run_id, status, error } = document;
    const code = set_aside?.code;
    const its = bad.get(run_id);
    const mayEnd = code === "RUN_ENDS_PROCESS" && deaths() >= ENDS;
    if (!mayEnd && (its === undefined || code !== CODES[its.does.part]))
      witness.violated("aside", `${run_id} was set aside for ${code}`);
    if (lease !== null) witness.violated("aside", `${run_id} is set aside and leased`);
    if (status === "failed" && error?.code !== code)
      witness.violated("aside", `${run_id} is set aside for ${code} and shows ${error?.code}`);
  };

  const release = (runId: string): void => {
    runs.repair(runId);
    good.add(runId);
    ended.delete(runId);
    inHand.delete(runId);
    witness.trace(`released ${runId}`);
    void store.unsetAside(runId);
  };

  const look = async (): Promise<void> => {
    const now = clock.now();
    const asides = (await store.setAsides(1_000)).filter(
      ({ document }) => !inHand.has(document.run_id),
    );
    const stuck = new Map(
      (
        await findStuck(
          { runs: store, unknownJobs: async () => [] },
          { before: timeOfDay() - MINUTE, limit: 1_000 },
        )
      ).map(({ run, reasons }) => [run.run_id, reasons.map(({ reason }) => reason)]),
    );
    for (const record of asides) {
      const { run_id } = record.document;
      witness.trace(`aside ${run_id} ${record.set_aside?.code}`);
      judge(record);
      const reasons = stuck.get(run_id) ?? [];
      if (!reasons.includes("set_aside") && !reasons.includes("record_unreadable"))
        witness.violated("aside", `${run_id} is set aside and not among the stuck runs`);
      inHand.add(run_id);
      after(random.between(MINUTE, 10 * MINUTE), () => release(run_id));
    }
    for (const { spec, stopping_since: since } of batch.jobs.values()) {
      const isSeen = stuck.get(spec.run_id)?.includes("stop_unconfirmed") === true;
      if (since === undefined || isSeen) unseen.delete(spec.job_id);
      else if (Math.max(since, faultsUntil) + UNCONFIRMED_MS < now) {
        const looks = (unseen.get(spec.job_id) ?? 0) + 1;
        unseen.set(spec.job_id, looks);
        if (looks > MOST_UNSEEN)
          witness.violated(
            "stuck",
            `${spec.job_id} has been stopping since ${since}, and ${spec.run_id} is not among the stuck runs`,
          );
      }
    }
  };
  const lookOn = (): void => {
    void look().catch((thrown: unknown) => witness.violated("stuck", String(thrown)));
    after(MINUTE, lookOn);
  };

  /** As soon as the run is there. */
  const damage = (runId: string, does: BadRun["does"]): void => {
    if (does.part === "process") return;
    if (runs.damage(runId, does)) witness.trace(`damaged ${runId} ${does.part}`);
    else after(1_000, () => damage(runId, does));
  };

  return {
    start() {
      for (const [runId, { at, does }] of bad) clock.at(at, () => damage(runId, does));
      lookOn();
    },
    endsProcess(runId) {
      const its = bad.get(runId);
      if (its?.does.part !== "process" || clock.now() < its.at || good.has(runId)) return false;
      const times = (ended.get(runId) ?? 0) + 1;
      ended.set(runId, times);
      witness.fault("run ends process");
      if (times > ENDS) witness.violated("aside", `${runId} has ended ${times} processes`);
      return true;
    },
  };
}
