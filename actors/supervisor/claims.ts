import { HaystackError, recordUnreadable, toHaystackError } from "../../errors.ts";
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
  readonly store: Pick<RunStore, "claim" | "loads" | "release" | "renew" | "setAside">;
  readonly clock: Clock;
  readonly owner: string;
  readonly leaseMs: number;
  readonly limits: AdmissionLimits;
  readonly dispatch: Dispatch | undefined;
  /** Keeps the leases that the next claim could take for expired. */
  readonly beforeClaim: () => Promise<void>;
  /** Whether a claimed run is released again, as this version of the machine cannot read it. */
  readonly skips: (record: RunRecord) => boolean;
  /** `whileWaiting`: only until the run has something to do. */
  readonly host: (
    record: RunRecord,
    options?: { readonly whileWaiting: boolean },
  ) => RunHost | undefined;
  /** This machine has run out of something: what is admitted could not work. */
  readonly obstructed: () => boolean;
  readonly onTrouble: (error: HaystackError) => void;
}

/** Claims of a run that came to nothing, after which it is claimed no more. */
const MOST_FRUITLESS = 3;
/** For how long a run that may end its process is watched before the next is claimed. */
const TAKE_UP_MS = 1_000;
const LOOK_MS = 20;

const noteOf = ({ code, message }: HaystackError) => ({ code, message });

/** Why a claimed run is not hosted. */
function reasonToLeave({ document, damage, fruitless = 0 }: RunRecord): HaystackError | undefined {
  const { run_id } = document;
  if (damage !== undefined) return recordUnreadable(run_id, damage);
  if (fruitless < MOST_FRUITLESS) return undefined;
  return new HaystackError(
    "RUN_ENDS_PROCESS",
    `The process that took up run ${run_id} ended each of the last ${fruitless} times; see what the log says of it, and release the run with \`haystack quarantine release ${run_id}\`.`,
    { details: { run_id } },
  );
}

const unreadable = ({ document }: RunRecord, thrown: unknown): HaystackError =>
  thrown instanceof HaystackError
    ? thrown
    : recordUnreadable(document.run_id, "its state cannot be restored", thrown);

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
  beforeClaim,
  skips,
  host,
  obstructed,
  onTrouble,
}: ClaimsOptions): Claims {
  let closed = false;
  let lastSweep: Promise<void> = Promise.resolve();
  let paused = false;
  let draining = false;

  /** Runs whose lease ended on the way here may be another daemon's by now, and are left. */
  const claim = async (
    limit: number,
    which: Pick<ClaimRequest, "run_id" | "queued_of" | "suspects">,
  ): Promise<readonly RunRecord[]> => {
    await beforeClaim();
    const asked = clock.elapsed();
    const records = await store.claim({
      ...which,
      owner,
      now: clock.now(),
      lease_ms: leaseMs,
      limit,
    });
    return clock.elapsed() - asked < leaseMs ? records : [];
  };

  const releaseNow = (lease: Release): Promise<void> => store.release([lease]);

  const leaseOf = ({ document, lease }: RunRecord): Release => ({
    run_id: document.run_id,
    token: lease?.token ?? 0,
  });

  /** No run keeps the others from being hosted: one that cannot be is set aside. */
  const putAside = async (record: RunRecord, error: HaystackError): Promise<void> => {
    const { run_id, token } = leaseOf(record);
    onTrouble(error);
    try {
      await store.setAside(run_id, { ...noteOf(error), at: clock.now(), token });
    } catch (thrown) {
      onTrouble(toHaystackError(thrown));
    }
  };

  /** What the work gives; undefined where the run had to be set aside. */
  const alone = async <Result>(
    record: RunRecord,
    work: () => Promise<Result> | Result,
  ): Promise<Result | undefined> => {
    const problem = reasonToLeave(record);
    if (problem !== undefined) {
      await putAside(record, problem);
      return undefined;
    }
    try {
      return await work();
    } catch (thrown) {
      if (thrown instanceof HaystackError && thrown.code.startsWith("STORE_")) throw thrown;
      await putAside(record, unreadable(record, thrown));
      return undefined;
    }
  };

  /** Hosts a claimed run, or has it dispatched and releases it until it is looked at again. */
  const hostOrDispatch = async (
    record: RunRecord,
    release: (lease: Release) => Promise<void> | void = releaseNow,
  ): Promise<RunHost | undefined> => {
    const lookAgainAt = dispatch === undefined ? "host" : await dispatch(record);
    if (typeof lookAgainAt === "string")
      return host(record, { whileWaiting: lookAgainAt === "while it waits" });
    await release({ ...leaseOf(record), attention_at: lookAgainAt });
    return undefined;
  };

  const hostReadable = (record: RunRecord): Promise<RunHost | undefined> =>
    alone(record, async () => {
      if (!skips(record)) return hostOrDispatch(record);
      await releaseNow(leaseOf(record));
      return undefined;
    });

  /**
   * A dispatched run with an event stays due, and so does a skipped one: it is released at the end,
   * or it would be claimed again and again, before all others.
   */
  const hostDue = (record: RunRecord, atEnd: Release[]): Promise<RunHost | undefined> =>
    alone(record, () => {
      const keep = (lease: Release): void => void atEnd.push(lease);
      if (skips(record)) {
        keep(leaseOf(record));
        return undefined;
      }
      return record.inbox.length === 0 ? hostOrDispatch(record) : hostOrDispatch(record, keep);
    });

  /**
   * A run whose last claim came to nothing may have ended its process: it is taken up alone, and the
   * next one when this one waits or has made a commit, or after a while.
   */
  const watchTakeUp = async (hosted: RunHost): Promise<void> => {
    const { runId, token } = hosted;
    const before = hosted.revision();
    for (let waited = 0; waited < TAKE_UP_MS && !closed; waited += LOOK_MS) {
      await yieldToEventLoop();
      if (hosted.revision() !== before) return;
      if (hosted.waiting())
        return void (await store.renew(owner, [{ run_id: runId, token }], clock.now() + leaseMs));
      await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
    }
  };

  const takeUpSuspects = async (atEnd: Release[]): Promise<void> => {
    const until = clock.elapsed() + TAKE_UP_MS;
    while (clock.elapsed() < until && !closed && !draining) {
      const [record] = await claim(1, { suspects: true });
      if (record === undefined) return;
      const hosted = await hostDue(record, atEnd);
      if (hosted !== undefined) await watchTakeUp(hosted);
    }
  };

  const claimDue = async (): Promise<void> => {
    const atEnd: Release[] = [];
    try {
      for (;;) {
        const records = await claim(CLAIM_BATCH, { suspects: false });
        for (const record of records) await hostDue(record, atEnd);
        if (closed || draining) return;
        if (records.length === 0) break;
        await yieldToEventLoop();
      }
      await takeUpSuspects(atEnd);
    } finally {
      if (atEnd.length > 0) await store.release(atEnd);
    }
  };

  const admitQueued = async (): Promise<void> => {
    const admissions = chooseAdmissions(await store.loads(clock.now()), limits);
    for (const user of new Set(admissions)) {
      const count = admissions.filter((admitted) => admitted === user).length;
      const records = await claim(count, { queued_of: user });
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
      const [record] = await claim(1, { run_id: runId });
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
