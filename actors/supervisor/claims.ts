import type { Clock } from "../../services/clock/index.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { ClaimRequest, RunRecord, RunStore } from "../../services/runs/index.ts";
import { chooseAdmissions, type AdmissionLimits } from "./admission.ts";
import type { Dispatch } from "./dispatch.ts";
import type { RunHost } from "../host/run-host.ts";

/**
 * What a process takes up.
 *
 * Owns: claiming runs that others left, admitting queued ones as far as the limits go (D9), and
 * whether either is wanted.
 * Does not own: hosting what was claimed.
 */
export interface Intake {
  /**
   * Takes up everything that waits for a host, then what may be admitted; one sweep after the
   * other, as two at a time would both fill the places that are free.
   */
  sweep(): Promise<void>;
  /**
   * Claims one run; false when there is none of that id, another process holds it, or it was
   * dispatched. `adjust` as for Supervisor.adopt.
   */
  claimOne(runId: string, adjust?: (document: RunDocument) => RunDocument): Promise<boolean>;
  admits(): boolean;
  drains(): boolean;
  pauseAdmission(paused: boolean): void;
  drain(draining: boolean): void;
  /** Nothing more is claimed. */
  close(): void;
}

export interface IntakeOptions {
  readonly store: Pick<RunStore, "claim" | "loads" | "release">;
  readonly clock: Clock;
  readonly owner: string;
  readonly leaseMs: number;
  readonly limits: AdmissionLimits;
  readonly dispatch: Dispatch | undefined;
  /** Whether a claimed run is given back for a daemon of another release. */
  readonly leaveToOthers: (record: RunRecord) => boolean;
  readonly host: (record: RunRecord) => RunHost | undefined;
}

type GivenBack = Parameters<RunStore["release"]>[0][number];

/** Runs claimed at once at most: a restart takes everything up in a few bites. */
const CLAIM_BATCH = 250;

/**
 * A store without waiting would otherwise claim everything before the first claimed run makes a
 * step.
 */
const letOthersWork = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createIntake({
  store,
  clock,
  owner,
  leaseMs,
  limits,
  dispatch,
  leaveToOthers,
  host,
}: IntakeOptions): Intake {
  let closed = false;
  let lastSweep: Promise<void> = Promise.resolve();
  let paused = false;
  let draining = false;

  const request = (limit: number): ClaimRequest => ({
    owner,
    now: clock.now(),
    lease_ms: leaseMs,
    limit,
  });

  const giveBack = (lease: GivenBack): Promise<void> => store.release([lease]);

  const leaseOf = ({ document, lease }: RunRecord): GivenBack => ({
    run_id: document.run_id,
    token: lease?.token ?? 0,
  });

  /** Hosts a claimed run, or has it dispatched and gives it back until it is looked at again. */
  const takeUp = async (
    record: RunRecord,
    release: (lease: GivenBack) => Promise<void> | void = giveBack,
  ): Promise<RunHost | undefined> => {
    const lookAgainAt = dispatch === undefined ? "host" : await dispatch(record);
    if (lookAgainAt === "host") return host(record);
    await release({ ...leaseOf(record), attention_at: lookAgainAt });
    return undefined;
  };

  const takeUpOurs = async (record: RunRecord): Promise<RunHost | undefined> => {
    if (!leaveToOthers(record)) return takeUp(record);
    await giveBack(leaseOf(record));
    return undefined;
  };

  /**
   * A dispatched run with an event stays due, and so does one of another release: it is given back
   * at the end, or it would be claimed again and again, before all others.
   */
  const claimLeft = async (): Promise<void> => {
    const kept: GivenBack[] = [];
    try {
      for (;;) {
        const records = await store.claim(request(CLAIM_BATCH));
        const ours = records.filter((record) => {
          const isLeft = leaveToOthers(record);
          if (isLeft) kept.push(leaseOf(record));
          return !isLeft;
        });
        for (const record of ours)
          await (record.inbox.length === 0
            ? takeUp(record)
            : takeUp(record, (lease) => void kept.push(lease)));
        if (records.length === 0 || closed || draining) return;
        await letOthersWork();
      }
    } finally {
      if (kept.length > 0) await store.release(kept);
    }
  };

  const admitQueued = async (): Promise<void> => {
    const admissions = chooseAdmissions(await store.loads(clock.now()), limits);
    for (const user of new Set(admissions)) {
      const count = admissions.filter((admitted) => admitted === user).length;
      const records = await store.claim({ ...request(count), queued_of: user });
      for (const record of records) (await takeUpOurs(record))?.send({ type: "run.admitted" });
    }
  };

  const sweepNow = async (): Promise<void> => {
    if (!draining) await claimLeft();
    if (!draining && !paused) await admitQueued();
  };

  return {
    sweep() {
      lastSweep = lastSweep.then(sweepNow, sweepNow);
      return lastSweep;
    },
    async claimOne(runId, adjust = (document) => document) {
      const [record] = await store.claim({ ...request(1), run_id: runId });
      if (record === undefined) return false;
      return (
        (await takeUpOurs(
          record.snapshot === null ? { ...record, document: adjust(record.document) } : record,
        )) !== undefined
      );
    },
    admits: () => !paused && !draining,
    drains: () => draining || closed,
    pauseAdmission(wanted) {
      paused = wanted;
    },
    drain(wanted) {
      draining = wanted;
    },
    close() {
      closed = true;
    },
  };
}
