import { HaystackError, runNotFound } from "../../errors.ts";
import { isRunId } from "../../machines/job-id.ts";
import type { RunContext } from "../../machines/run-types.ts";
import type { RunMachine } from "../../machines/run.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { JobEvents } from "../../services/job-events/index.ts";
import type { MailService } from "../../services/mail/index.ts";
import type { RunDocument, Usage } from "../../services/runs/document.ts";
import type {
  InboxEvent,
  RunRecord,
  RunStore,
  TransitionEntry,
} from "../../services/runs/index.ts";
import type { AdmissionLimits } from "./admission.ts";
import { createBackground } from "./background.ts";
import type { ComposeMail } from "../mail/compose-mail.ts";
import type { Dispatch } from "./dispatch.ts";
import { createEventRouter } from "./event-router.ts";
import { createGroupCommit } from "../host/group-commit.ts";
import { createHostedQueue } from "./hosted-queue.ts";
import type { Inspection } from "../inspection/inspection.ts";
import type { Instruments } from "../instruments.ts";
import { createIntake } from "./claims.ts";
import { createLeaseKeeper } from "./lease-keeper.ts";
import { createMailDesk } from "../mail/mail-desk.ts";
import { createPassivation } from "./passivation.ts";
import { createRunHost, type RunHost } from "../host/run-host.ts";
import { mailDueAt } from "../host/run-record.ts";
import { hostedRun, type SupervisorStatus } from "./status.ts";
import { createLeaveToOthers } from "./unreadable.ts";
import { createWakeUps } from "./wake-ups.ts";

/**
 * Hosts runs: keeps their leases, wakes them, lets them go.
 *
 * Owns: which runs this process hosts, and every timer.
 * Does not own: what a run does (the machine), when it is durable (the run host), which runs are
 * taken up (the intake), how events reach them (the event router), its mails (the mail desk).
 * 1. A run is hosted only under a lease; a lease that was not renewed in time stops its runs here
 *    (D9).
 * 2. Runs that rest or wait long leave memory, and come back by their next event or time (D11).
 * 3. Queued runs stay in the store until they are admitted.
 */
export interface SupervisorOptions {
  readonly store: RunStore;
  readonly machine: RunMachine;
  readonly clock: Clock;
  readonly jobEvents: JobEvents;
  readonly mail: MailService;
  readonly composeMail: ComposeMail;
  readonly usage: (context: RunContext) => Usage;
  readonly owner: string;
  readonly limits: AdmissionLimits;
  /**
   * Claim runs that others left, inserted or queued; false for a process that hosts only the runs
   * it was given.
   */
  readonly sweeps: boolean;
  readonly leaseMs: number;
  readonly pollMs: number;
  /** A run that waits for longer than this leaves memory. */
  readonly passivateMs: number;
  /** Present: claimed runs become jobs of their own where it says so. */
  readonly dispatch?: Dispatch;
  readonly inspection?: Inspection;
  readonly instruments?: Instruments;
  /** For the jitter of the sweep, so that daemons do not look at the same moment. */
  readonly random: () => number;
  readonly onCommitted?: (document: RunDocument, entries: readonly TransitionEntry[]) => void;
  readonly onTrouble: (error: HaystackError) => void;
}

export interface Supervisor {
  start(): Promise<void>;
  /**
   * Stores a new run: for the common queue, which is looked at at once, or hosted here from the
   * start by a process for given runs.
   */
  submit(document: RunDocument): Promise<void>;
  /**
   * Claims a stored run for this process; `adjust` may change the document of a run that has not
   * begun.
   * Errors: RUN_NOT_FOUND, LEASE_LOST when another process hosts it.
   */
  adopt(runId: string, adjust?: (document: RunDocument) => RunDocument): Promise<void>;
  /** Stores the event, then hands it over if the run is hosted here. Errors: RUN_NOT_FOUND. */
  deliver(runId: string, event: InboxEvent): Promise<void>;
  /** Resolves when the run rests and everything it owes is done or waits for a later time. */
  settled(runId: string): Promise<RunDocument>;
  /** Runs in memory at this moment. */
  hosted(): readonly string[];
  status(): SupervisorStatus;
  /** While paused, queued runs stay in the queue. */
  pauseAdmission(paused: boolean): void;
  /** While draining, nothing is taken up, and hosted runs are given back as soon as they wait. */
  drain(draining: boolean): void;
  /**
   * Takes a run that waits out of memory (D11). Errors: RUN_STATE_FORBIDS when it is not here or
   * works.
   */
  passivate(runId: string): Promise<void>;
  /**
   * Brings a run into memory, and keeps it there for a while; tells whether it is. Errors as of
   * adopt.
   */
  rehydrate(runId: string): Promise<boolean>;
  /** Stops hosting, finishes the write under way and gives the leases back. */
  stop(): Promise<void>;
}

/** Of a run that is inserted with a lease. */
const FIRST_TOKEN = 1;
/**
 * For how long a stop waits for mails under way to be recorded, so that they are not sent again.
 */
const MAIL_GRACE_MS = 5_000;

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { store, clock, owner, leaseMs, pollMs } = options;
  const hosts = new Map<string, RunHost>();
  /**
   * Of a process for given runs; others leave queued runs in the store until they are admitted, as
   * only the store counts those out of memory.
   */
  const queue = options.sweeps ? undefined : createHostedQueue(options.limits.maxActive);
  const settledWaiters = new Map<string, ((document: RunDocument) => void)[]>();
  const background = createBackground(clock, options.onTrouble, options.random);
  const { instruments = {} } = options;
  const mailDesk = createMailDesk({
    service: options.mail,
    compose: options.composeMail,
    tried: instruments.mailTried,
    clock,
    random: options.random,
    onTrouble: options.onTrouble,
  });
  const groupCommit = createGroupCommit(store, clock, options.onTrouble, instruments.committed);
  const wakeUps = createWakeUps(clock, (runId) => {
    const host = hosts.get(runId);
    host?.send({ type: "clock.ticked", now: clock.now() });
    wakeUps.set(runId, host?.wakeAt() ?? null);
  });
  let stopping = false;
  let unsubscribe: (() => Promise<void>) | undefined;
  let endHints: (() => void) | undefined;

  const forget = (host: RunHost): void => {
    if (hosts.get(host.runId) !== host) return;
    hosts.delete(host.runId);
    passivation.forget(host.runId);
    queue?.forget(host);
    wakeUps.forget(host.runId);
  };

  const passivation = createPassivation({
    store,
    clock,
    passivateMs: options.passivateMs,
    isSending: mailDesk.isSending,
    forget,
  });

  const letRest = async (host: RunHost): Promise<void> => {
    try {
      await passivation.passivate(host, mailDueAt(host.outbox()));
    } finally {
      for (const resolve of settledWaiters.get(host.runId) ?? []) resolve(host.document());
      settledWaiters.delete(host.runId);
      admitHosted();
    }
  };

  const afterCommit = (host: RunHost, entries: readonly TransitionEntry[]): void => {
    options.onCommitted?.(host.document(), entries);
    if (stopping || hosts.get(host.runId) !== host) return;
    queue?.note(host);
    wakeUps.set(host.runId, host.wakeAt());
    mailDesk.sendOwed(host);
    if (entries.length > 0 && host.document().status === "pending") queueAgain(host);
    if (host.resting() && host.settled() && !mailDesk.owesNow(host)) background.run(letRest(host));
  };

  const hostRecord = (record: RunRecord): RunHost | undefined => {
    const runId = record.document.run_id;
    if (stopping) {
      background.run(store.release([{ run_id: runId, token: record.lease?.token ?? 0 }]));
      return undefined;
    }
    const earlier = hosts.get(runId);
    if (earlier !== undefined && earlier.token >= (record.lease?.token ?? 0)) return undefined;
    if (earlier !== undefined) abandon(earlier, "ran out and was taken up again");
    const host = createRunHost({
      machine: options.machine,
      record,
      groupCommit,
      clock,
      usage: options.usage,
      instruments,
      ...(options.inspection === undefined ? {} : { inspection: options.inspection }),
      onCommitted: afterCommit,
      onLost: (lost, error) => {
        forget(lost);
        options.onTrouble(error);
      },
      onCancelledBroken: (given) => background.run(takeUpAgain(given)),
      onTrouble: options.onTrouble,
    });
    hosts.set(runId, host);
    queue?.note(host);
    if (host.settled()) afterCommit(host, []);
    return host;
  };

  const takeUpAgain = async (host: RunHost): Promise<void> => {
    await passivation.giveBack(host);
    await intake.claimOne(host.runId);
  };

  /** Admits runs that this process was given, as far as its own limit goes. */
  const admitHosted = (): void => {
    if (intake.admits()) queue?.admit();
  };

  /** A process for given runs has nobody to leave them to. */
  const leaveToOthers = options.sweeps ? createLeaveToOthers(clock, leaseMs) : () => false;
  const intake = createIntake({
    store,
    clock,
    owner,
    leaseMs,
    limits: options.limits,
    dispatch: options.dispatch,
    leaveToOthers,
    host: hostRecord,
  });

  const abandon = (host: RunHost, why: string): void => {
    if (hosts.get(host.runId) !== host) return;
    forget(host);
    background.run(host.stop());
    options.onTrouble(
      new HaystackError(
        "LEASE_LOST",
        `The lease of run ${host.runId} ${why}; the run was stopped here.`,
      ),
    );
  };

  const leases = createLeaseKeeper({
    store,
    clock,
    owner,
    leaseMs,
    hosts: () => [...hosts.values()],
    onLost: abandon,
  });

  const letGo = (host: RunHost): void => {
    if (!options.sweeps || host.resting() || !passivation.waits(host)) return;
    if (passivation.waitsLong(host)) background.run(passivation.passivate(host, host.wakeAt()));
    else if (intake.drains()) background.run(passivation.giveBack(host));
  };

  const events = createEventRouter({
    store,
    owner,
    hosts,
    taken: instruments.jobEventTaken,
    onUnhosted(runId) {
      if (options.sweeps && !intake.drains()) background.run(intake.claimOne(runId));
    },
  });

  const poll = async (): Promise<void> => {
    await events.collect();
    for (const host of hosts.values()) {
      if (host.settled()) mailDesk.sendOwed(host);
      letGo(host);
    }
  };

  /**
   * A run that is retried waits for admission as a new one does: in the common queue, or in that of
   * a process for given runs.
   */
  const queueAgain = (host: RunHost): void => {
    if (queue === undefined) letGo(host);
    else admitHosted();
  };

  const whyNot = async (runId: string): Promise<HaystackError> =>
    (await store.get(runId)) === undefined
      ? runNotFound(runId)
      : new HaystackError(
          "LEASE_LOST",
          `Run ${runId} is hosted by another process at this moment.`,
        );

  const recordMails = async (): Promise<void> => {
    await mailDesk.stop();
    await groupCommit.idle();
  };

  return {
    async start() {
      unsubscribe = await options.jobEvents.subscribe(events.take);
      background.every(leaseMs / 3, leases.renew);
      const looks = [background.every(pollMs, poll)];
      if (options.sweeps)
        background.run(
          intake.sweep().finally(() => looks.push(background.every(pollMs, intake.sweep, 0.5))),
        );
      endHints = store.hints?.(() => looks.forEach((lookSoon) => lookSoon()));
    },
    async submit(document) {
      if (!isRunId(document.run_id))
        throw new HaystackError(
          "USAGE",
          "A run id has lower-case letters, digits and inner hyphens, at most 44.",
        );
      if (queue === undefined) {
        await store.insert(document);
        background.run(intake.sweep());
        return;
      }
      const lease = { owner, expires_at: clock.now() + leaseMs };
      await store.insert(document, lease);
      hostRecord({
        document,
        snapshot: null,
        machine: null,
        revision: 0,
        lease: { ...lease, token: FIRST_TOKEN },
        wake_at: null,
        inbox: [],
        outbox: [],
        priority: 0,
      });
      admitHosted();
    },
    async adopt(runId, adjust) {
      if (!(await intake.claimOne(runId, adjust))) throw await whyNot(runId);
      admitHosted();
    },
    async deliver(runId, event) {
      if ((await events.deliver(runId, event)) === "unknown_run") throw runNotFound(runId);
    },
    settled: (runId) =>
      new Promise((resolve) => {
        settledWaiters.set(runId, [...(settledWaiters.get(runId) ?? []), resolve]);
      }),
    hosted: () => [...hosts.keys()],
    status: () => ({
      owner,
      admission_paused: !intake.admits(),
      draining: intake.drains(),
      limits: options.limits,
      hosted: [...hosts.values()].map(hostedRun),
    }),
    pauseAdmission(paused) {
      intake.pauseAdmission(paused);
      admitHosted();
    },
    drain(draining) {
      intake.drain(draining);
      admitHosted();
    },
    async passivate(runId) {
      const host = hosts.get(runId);
      if (host === undefined)
        throw new HaystackError(
          "RUN_STATE_FORBIDS",
          `Run ${runId} is not in the memory of this daemon; nothing was changed.`,
        );
      if (!passivation.waits(host))
        throw new HaystackError(
          "RUN_STATE_FORBIDS",
          `Run ${runId} works at this moment; try again when it waits.`,
        );
      await passivation.passivate(host, host.wakeAt());
    },
    async rehydrate(runId) {
      if (hosts.has(runId)) return true;
      if (!(await intake.claimOne(runId))) throw await whyNot(runId);
      if (hosts.has(runId)) passivation.keep(runId);
      return hosts.has(runId);
    },
    async stop() {
      stopping = true;
      endHints?.();
      intake.close();
      wakeUps.clear();
      await unsubscribe?.();
      await Promise.race([
        recordMails(),
        new Promise<void>((resolve) => clock.at(clock.now() + MAIL_GRACE_MS, resolve)),
      ]);
      const leaving = [...hosts.values()];
      await Promise.all(leaving.map((host) => host.stop()));
      groupCommit.close();
      await groupCommit.idle();
      if (leaving.length > 0)
        background.run(
          store.release(leaving.map(({ runId, token }) => ({ run_id: runId, token }))),
        );
      await background.stop();
      for (const host of hosts.values()) forget(host);
    },
  };
}
