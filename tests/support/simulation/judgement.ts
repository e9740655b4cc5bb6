import type { MemoryRuns } from "../memory-runs.ts";
import { isRunningJob, type BatchWorld } from "./batch-world.ts";
import { MACHINE_FAULT } from "./machine.ts";
import type { PlannedRun } from "./planned-runs.ts";
import { CLIENT_TIMEOUT_MS, type Users } from "./users.ts";
import type { Witness } from "./witness.ts";

/** What has to hold when a world has come to its end. */
export interface Judgement {
  allAtRest(): boolean;
  /** Each run that has not come to its end is a violation. */
  ofRest(): void;
  /** What the runs have become, and what is left of their jobs and mails. */
  ofEnds(): void;
}

export interface JudgementOptions {
  readonly now: () => number;
  readonly planned: readonly PlannedRun[];
  readonly runs: Pick<MemoryRuns, "peek">;
  readonly batch: BatchWorld;
  readonly users: Users;
  readonly witness: Witness;
}

/** A cancellation that meets the last commit of a run comes too late. */
const CANCEL_MS = 2 * CLIENT_TIMEOUT_MS + 120_000;

export function judgement({
  now,
  planned,
  runs,
  batch,
  users,
  witness,
}: JudgementOptions): Judgement {
  const isAtRest = ({ run_id }: PlannedRun): boolean => {
    const record = runs.peek(run_id);
    const state = witness.stateOf(run_id);
    return (
      record !== undefined &&
      record.set_aside === undefined &&
      (state === "completed" || state === "failed" || state === "cancelled") &&
      record.inbox.length === 0 &&
      (record.lease?.expires_at ?? 0) <= now() &&
      record.outbox.every((mail) => mail.state !== "owed")
    );
  };

  const ofCancellation = (runId: string): void => {
    const at = users.cancelledAt(runId);
    const state = witness.stateOf(runId);
    const isLate = state === "completed" && witness.changedAt(runId) - (at ?? 0) < CANCEL_MS;
    if (at !== undefined && state !== "cancelled" && !isLate)
      witness.violated(
        "cancel",
        `${runId} was cancelled at ${at} and is ${state} since ${witness.changedAt(runId)}`,
      );
  };

  return {
    allAtRest: () => users.areDone() && planned.every(isAtRest),
    ofRest() {
      for (const run of planned) {
        if (isAtRest(run)) continue;
        const record = runs.peek(run.run_id);
        witness.violated(
          "end",
          `${run.run_id} is ${witness.stateOf(run.run_id)}, revision ${record?.revision}, lease ${JSON.stringify(record?.lease)}, inbox ${record?.inbox.length}, outbox ${record?.outbox.map(({ state }) => state).join(",")}, set aside ${record?.set_aside?.code}`,
        );
      }
    },
    ofEnds() {
      for (const { run_id } of planned) {
        ofCancellation(run_id);
        const record = runs.peek(run_id);
        for (const { key, state } of record?.outbox ?? [])
          if (state === "sent" && witness.mailsOf(key) === 0)
            witness.violated("outbox", `${key} is recorded as sent and was not`);
        const error = record?.document.error;
        if (error?.code === "GPU_BUDGET_SPENT") witness.fault("money spent");
        if (error?.message.includes(MACHINE_FAULT) === true)
          witness.violated("passing", `${run_id} failed for good: ${error.message}`);
      }
      if ([...batch.jobs.values()].some(isRunningJob)) witness.violated("D4", "a job still runs");
    },
  };
}
