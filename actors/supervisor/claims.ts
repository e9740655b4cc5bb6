import type { Clock } from "../../services/clock/index.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { ClaimRequest, RunRecord, RunStore } from "../../services/runs/index.ts";
import { chooseAdmissions, type AdmissionLimits } from "./admission.ts";
import type { Dispatch } from "./dispatch.ts";
import type { RunHost } from "../host/run-host.ts";

/**
 * Which runs a process claims.
 *
 * Owns: claiming runs that nobody hosts, admitting queued ones as far as the limits go (D9), and
 * whether either is wanted.
 * Does not own: hosting what was claimed.
 */
export interface Claims {
  /**
   * Claims everything that waits for a host, then what may be admitted; one sweep after the other,
   * as two at a time would both fill the places that are free.
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

export interface ClaimsOptions {
  readonly store: Pick<RunStore, "claim" | "loads" | "release">;
  readonly clock: Clock;
  readonly owner: string;
  readonly leaseMs: number;
  readonly limits: AdmissionLimits;
  readonly dispatch: Dispatch | undefined;
  /** Whether a claimed run is released again, as this version of the machine cannot read it. */
  readonly skips: (record: RunRecord) => boolean;
  readonly host: (record: RunRecord) => RunHost | undefined;
  /** This machine has run out of something: what is admitted could not work. */
  readonly obstructed: () => boolean;
}

type Release = Parameters<RunStore["release"]>[0][number];

/** Runs claimed at once at most: a restart claims everything in a few requests. */
const CLAIM_BATCH = 250;

/**
 * A store without waiting would otherwise claim everything before the first claimed run makes a
 * step.
 */
const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createClaims({
  store,
  clock,
  owner,
  leaseMs,
  limits,
  dispatch,
  skips,
  host,
  obstructed,
}: ClaimsOptions): Claims {
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

  const releaseNow = (lease: Release): Promise<void> => store.release([lease]);

  const leaseOf = ({ document, lease }: RunRecord): Release => ({
    run_id: document.run_id,
    token: lease?.token ?? 0,
  });

  /** Hosts a claimed run, or has it dispatched and releases it until it is looked at again. */
  const hostOrDispatch = async (
    record: RunRecord,
    release: (lease: Release) => Promise<void> | void = releaseNow,
  ): Promise<RunHost | undefined> => {
    const lookAgainAt = dispatch === undefined ? "host" : await dispatch(record);
    if (lookAgainAt === "host") return host(record);
    await release({ ...leaseOf(record), attention_at: lookAgainAt });
    return undefined;
  };

  const hostReadable = async (record: RunRecord): Promise<RunHost | undefined> => {
    if (!skips(record)) return hostOrDispatch(record);
    await releaseNow(leaseOf(record));
    return undefined;
  };

  /**
   * A dispatched run with an event stays due, and so does a skipped one: it is released at the end,
   * or it would be claimed again and again, before all others.
   */
  const claimDue = async (): Promise<void> => {
    const atEnd: Release[] = [];
    try {
      for (;;) {
        const records = await store.claim(request(CLAIM_BATCH));
        const readable = records.filter((record) => {
          const isSkipped = skips(record);
          if (isSkipped) atEnd.push(leaseOf(record));
          return !isSkipped;
        });
        for (const record of readable)
          await (record.inbox.length === 0
            ? hostOrDispatch(record)
            : hostOrDispatch(record, (lease) => void atEnd.push(lease)));
        if (records.length === 0 || closed || draining) return;
        await yieldToEventLoop();
      }
    } finally {
      if (atEnd.length > 0) await store.release(atEnd);
    }
  };

  const admitQueued = async (): Promise<void> => {
    const admissions = chooseAdmissions(await store.loads(clock.now()), limits);
    for (const user of new Set(admissions)) {
      const count = admissions.filter((admitted) => admitted === user).length;
      const records = await store.claim({ ...request(count), queued_of: user });
      for (const record of records) (await hostReadable(record))?.send({ type: "run.admitted" });
    }
  };

  const sweepNow = async (): Promise<void> => {
    if (!draining) await claimDue();
    if (!draining && !paused && !obstructed()) await admitQueued();
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
        (await hostReadable(
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
