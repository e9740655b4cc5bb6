import { HaystackError } from "../../errors.ts";
import type { RunContext } from "../../machines/run-types.ts";
import type { RunMachine } from "../../machines/run.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { MailService } from "../../services/mail/index.ts";
import type { RunDocument, Usage } from "../../services/runs/document.ts";
import type { RunRecord, RunStore, TransitionEntry } from "../../services/runs/index.ts";
import { createFairQueue } from "../fair-queue.ts";
import { createGroupCommit } from "../host/group-commit.ts";
import { createRunHost, type RunHost } from "../host/run-host.ts";
import { mailDueAt } from "../host/run-record.ts";
import type { Inspection } from "../inspection/inspection.ts";
import type { Instruments } from "../instruments.ts";
import type { ComposeMail } from "../mail/compose-mail.ts";
import { createOutboxSender } from "../mail/outbox-sender.ts";
import type { AdmissionLimits } from "./admission.ts";
import type { Background } from "./background.ts";
import type { WatchedJobs } from "./job-watch.ts";
import { isOfGpuJobs } from "../run-details.ts";
import { createLocalAdmission } from "./local-admission.ts";
import { createPassivation, type Passivation } from "./passivation.ts";
import { createWakeUps } from "./wake-ups.ts";

/**
 * The runs that this process hosts, from a claimed record to the end of hosting.
 *
 * Owns: the hosts, and what follows a commit of theirs: wake-ups, mails, leaving memory.
 * Does not own: which runs are claimed (the claims'), keeping their leases (the lease keeper's),
 * how events reach them (the event router's).
 * 1. A run has one host; a later lease replaces the host of an earlier one.
 * 2. Hosting ends in one of three ways (docs/glossary.md): the run is passivated (it asks for no
 *    host until a time), released (it asks for the next one at once), or lost (its lease is
 *    another's, and nothing is written). Each stops the host first.
 * 3. Once closed, nothing more is hosted: a claim that arrives late is released.
 */
export interface Hosting {
  readonly hosts: ReadonlyMap<string, RunHost>;
  /**
   * Hosts a claimed run; undefined when a later lease is hosted already, or after `close`.
   * `whileWaiting`: until something but its GPU jobs is to be done; then it is claimed anew.
   */
  host(record: RunRecord, options?: { readonly whileWaiting: boolean }): RunHost | undefined;
  /** Admits runs that this process was given, as far as its own limit goes. */
  admitGiven(): void;
  readonly waits: Passivation["waits"];
  readonly passivate: Passivation["passivate"];
  /** Keeps a run in memory for a while, although it waits long. */
  readonly keep: Passivation["keep"];
  /** The lease is lost; `why` ends the sentence "The lease of run X ...". */
  lose(host: RunHost, why: string): void;
  /** Sends the mails that are due, and ends the hosting of runs that wait long. */
  poll(): void;
  /** Resolves when the run rests and everything it owes is done or waits for a later time. */
  settled(runId: string): Promise<RunDocument>;
  /** Hosts nothing more and wakes no run; what is hosted goes on until `stop`. */
  close(): void;
  /** Stops all hosts, finishes the write and the work under way, and releases the leases. */
  stop(): Promise<void>;
}

export interface HostingOptions {
  readonly store: RunStore;
  readonly machine: RunMachine;
  readonly clock: Clock;
  readonly mail: MailService;
  readonly composeMail: ComposeMail;
  readonly usage: (context: RunContext) => Usage;
  readonly limits: AdmissionLimits;
  /**
   * Claim runs that others left, inserted or queued; false for a process that hosts only the runs
   * it was given.
   */
  readonly sweeps: boolean;
  /** A run that waits for longer than this leaves memory, unless it waits for a watched job. */
  readonly passivateMs: number;
  /** The jobs that are watched for the runs here. Absent: events and times alone move runs on. */
  readonly jobs?: WatchedJobs;
  readonly inspection?: Inspection;
  readonly instruments?: Instruments;
  /** For the jitter of the sweep, so that daemons do not look at the same moment. */
  readonly random: () => number;
  readonly onCommitted?: (document: RunDocument, entries: readonly TransitionEntry[]) => void;
  readonly onTrouble: (error: HaystackError) => void;
}

/** What hosting asks of the supervisor's other parts. */
export interface HostingParts {
  readonly background: Background;
  readonly admits: () => boolean;
  readonly drains: () => boolean;
  readonly claim: (runId: string) => Promise<unknown>;
}

/**
 * For how long a stop waits for mails under way to be recorded, so that they are not sent again.
 */
const MAIL_GRACE_MS = 20_000;

/** Mails and endings at a time: a crowd of runs that end together leaves room for all others. */
const WORK_AT_A_TIME = 16;

export function createHosting(options: HostingOptions, parts: HostingParts): Hosting {
  const { store, clock, instruments = {} } = options;
  const { background } = parts;
  const hosts = new Map<string, RunHost>();
  const whileWaiting = new Set<RunHost>();
  const settledWaiters = new Map<string, ((document: RunDocument) => void)[]>();
  const given = options.sweeps ? undefined : createLocalAdmission(options.limits.maxActive);
  const queue = createFairQueue(WORK_AT_A_TIME);
  const outboxSender = createOutboxSender({
    service: options.mail,
    compose: options.composeMail,
    tried: instruments.mailTried,
    clock,
    random: options.random,
    queue,
    onTrouble: options.onTrouble,
  });
  const groupCommit = createGroupCommit(store, clock, options.onTrouble, instruments.committed);
  const wakeUps = createWakeUps(clock, (runId) => {
    const host = hosts.get(runId);
    host?.send({ type: "clock.ticked", now: clock.now() });
    wakeUps.set(runId, host?.wakeAt() ?? null);
  });
  let closed = false;

  const remove = (host: RunHost): void => {
    if (hosts.get(host.runId) !== host) return;
    hosts.delete(host.runId);
    whileWaiting.delete(host);
    passivation.remove(host.runId);
    given?.remove(host);
    wakeUps.remove(host.runId);
  };

  const passivation = createPassivation({
    store,
    clock,
    passivateMs: options.passivateMs,
    watchesJobs: options.jobs !== undefined,
    isSending: outboxSender.isSending,
    remove,
  });

  const lose = (host: RunHost, why: string): void => {
    if (hosts.get(host.runId) !== host) return;
    remove(host);
    background.run(host.stop());
    options.onTrouble(
      new HaystackError(
        "LEASE_LOST",
        `The lease of run ${host.runId} ${why}; this daemon stopped hosting it.`,
      ),
    );
  };

  const admitGiven = (): void => {
    if (parts.admits()) given?.admit();
  };

  const passivateAtRest = async (host: RunHost): Promise<void> => {
    try {
      await passivation.passivate(host, mailDueAt(host.outbox()));
    } finally {
      for (const resolve of settledWaiters.get(host.runId) ?? []) resolve(host.document());
      settledWaiters.delete(host.runId);
      admitGiven();
    }
  };

  /** Ends the hosting of a run that waits long, and while draining of every run that waits. */
  const endIfWaiting = (host: RunHost): void => {
    if (!options.sweeps || host.resting() || !passivation.waits(host)) return;
    if (passivation.waitsLong(host)) background.run(passivation.passivate(host, host.wakeAt()));
    else if (parts.drains()) background.run(passivation.release(host));
  };

  /**
   * A run that is retried waits for admission as a new one does: in the common queue, or in that of
   * a process for given runs.
   */
  const queueAgain = (host: RunHost): void => {
    if (given === undefined) endIfWaiting(host);
    else admitGiven();
  };

  const afterCommit = (host: RunHost, entries: readonly TransitionEntry[]): void => {
    options.onCommitted?.(host.document(), entries);
    if (closed || hosts.get(host.runId) !== host) return;
    given?.note(host);
    wakeUps.set(host.runId, host.wakeAt());
    if (whileWaiting.has(host) && isForAJob(host.document())) return background.run(hostAnew(host));
    outboxSender.sendOwed(host);
    if (entries.length > 0 && host.document().status === "pending") queueAgain(host);
    if (host.resting() && host.settled() && !outboxSender.owesNow(host))
      background.run(passivateAtRest(host));
  };

  const hostAnew = async (host: RunHost): Promise<void> => {
    await passivation.release(host);
    await parts.claim(host.runId);
  };

  /** Work of a run for which there is a machine of its own. */
  const isForAJob = (document: RunDocument): boolean =>
    document.status === "running" && !isOfGpuJobs(document);

  const setAside = ({ runId, token }: RunHost, { code, message }: HaystackError) =>
    store.setAside(runId, { code, message, at: clock.now(), token });

  return {
    hosts,
    waits: passivation.waits,
    host(record, { whileWaiting: isGuest } = { whileWaiting: false }) {
      const runId = record.document.run_id;
      const token = record.lease?.token ?? 0;
      if (closed) {
        background.run(store.release([{ run_id: runId, token }]));
        return undefined;
      }
      const earlier = hosts.get(runId);
      if (earlier !== undefined && earlier.token >= token) return undefined;
      if (earlier !== undefined) lose(earlier, "ran out and was claimed again");
      const host = createRunHost({
        machine: options.machine,
        record,
        groupCommit,
        clock,
        usage: options.usage,
        instruments,
        ...(options.inspection === undefined ? {} : { inspection: options.inspection }),
        onCommitted: afterCommit,
        onLost(lost, error) {
          remove(lost);
          if (error.code === "RECORD_REFUSED") background.run(setAside(lost, error));
          options.onTrouble(error);
        },
        onCancelledBroken: (broken) => background.run(hostAnew(broken)),
        onTrouble: options.onTrouble,
      });
      hosts.set(runId, host);
      if (isGuest) whileWaiting.add(host);
      given?.note(host);
      if (host.settled()) afterCommit(host, []);
      return host;
    },
    admitGiven,
    passivate: passivation.passivate,
    keep: passivation.keep,
    lose,
    poll() {
      for (const host of hosts.values()) {
        if (host.settled()) outboxSender.sendOwed(host);
        endIfWaiting(host);
      }
    },
    settled: (runId) =>
      new Promise((resolve) => {
        settledWaiters.set(runId, [...(settledWaiters.get(runId) ?? []), resolve]);
      }),
    close() {
      closed = true;
      wakeUps.clear();
    },
    async stop() {
      await Promise.race([
        outboxSender.stop(),
        new Promise<void>((resolve) => clock.after(MAIL_GRACE_MS, resolve)),
      ]);
      const stopped = [...hosts.values()];
      await Promise.all(stopped.map((host) => host.stop()));
      groupCommit.close();
      await groupCommit.idle();
      if (stopped.length > 0)
        background.run(
          store.release(stopped.map(({ runId, token }) => ({ run_id: runId, token }))),
        );
      await background.stop();
      for (const host of hosts.values()) remove(host);
    },
  };
}
