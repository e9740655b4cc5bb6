import { HaystackError, toHaystackError } from "../errors.ts";
import { isRunId } from "../machines/job-id.ts";
import type { RunMachine } from "../machines/run.ts";
import type { RunContext } from "../machines/run-types.ts";
import type { Clock } from "../services/clock/index.ts";
import type { JobEvents } from "../services/job-events/index.ts";
import type { MailService } from "../services/mail/index.ts";
import type { RunDocument, Usage } from "../services/runs/document.ts";
import type { InboxEvent, RunRecord, RunStore, TransitionEntry } from "../services/runs/index.ts";
import type { ComposeMail } from "./compose-mail.ts";
import { createGroupCommit } from "./group-commit.ts";
import { deliverMail } from "./mail-delivery.ts";
import { createRunHost, type RunHost } from "./run-host.ts";

/**
 * Hosts runs: claims them, keeps their leases, wakes them, hands them their events, sends their mails, lets them go.
 *
 * Owns: which runs this process hosts, and every timer.
 * Does not own: what a run does (the machine), when it is durable (the run host).
 * 1. A run is hosted only under a lease; a lease that was not renewed in time stops its runs here (D9).
 * 2. An event is stored before it is handed to its run (D5).
 * 3. Runs that rest, owe no mail and have no event leave memory, and come back by their next event (D11).
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
  readonly maxActiveRuns: number;
  /** Claim runs that others left or inserted; false for a process that hosts only the runs it was given. */
  readonly sweeps: boolean;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly onCommitted?: (document: RunDocument, entries: readonly TransitionEntry[]) => void;
  readonly onTrouble: (error: HaystackError) => void;
}

export interface Supervisor {
  start(): Promise<void>;
  /** Inserts a run that this process hosts from the start. */
  submit(document: RunDocument): Promise<void>;
  /** Claims a stored run for this process. Errors: RUN_NOT_FOUND, LEASE_LOST when another process hosts it. */
  adopt(runId: string): Promise<void>;
  /** Stores the event, then hands it over if the run is hosted here. Errors: RUN_NOT_FOUND. */
  deliver(runId: string, event: InboxEvent): Promise<void>;
  /** Resolves when the run rests and everything it owes is done or waits for a later time. */
  settled(runId: string): Promise<RunDocument>;
  /** Stops hosting, finishes the write under way and gives the leases back. */
  stop(): Promise<void>;
}

const TICK_SPACING_MS = 1_000;

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { store, clock, owner } = options;
  const hosts = new Map<string, RunHost>();
  const cancelWake = new Map<string, () => void>();
  const lastTick = new Map<string, number>();
  const mailing = new Set<string>();
  const waiters = new Map<string, ((document: RunDocument) => void)[]>();
  const background = new Set<Promise<unknown>>();
  let stopping = false;
  let renewedAt = clock.now();
  const timers = new Set<() => void>();
  let unsubscribe: (() => Promise<void>) | undefined;

  const mailRoom = { service: options.mail, compose: options.composeMail, now: () => clock.now() };
  const groupCommit = createGroupCommit(store, clock, options.onTrouble);

  const inBackground = (work: Promise<unknown>): void => {
    const kept = work.catch((thrown: unknown) => options.onTrouble(toHaystackError(thrown))).finally(() => background.delete(kept));
    background.add(kept);
  };

  const every = (ms: number, work: () => Promise<void>): void => {
    const again = (): void => {
      if (stopping) return;
      const cancel = clock.at(clock.now() + ms, () => {
        timers.delete(cancel);
        inBackground(work().finally(again));
      });
      timers.add(cancel);
    };
    again();
  };

  const forget = (host: RunHost): void => {
    if (hosts.get(host.runId) === host) hosts.delete(host.runId);
    cancelWake.get(host.runId)?.();
    cancelWake.delete(host.runId);
    lastTick.delete(host.runId);
  };

  function setWake(host: RunHost): void {
    cancelWake.get(host.runId)?.();
    cancelWake.delete(host.runId);
    const wakeAt = host.wakeAt();
    if (wakeAt === null || stopping) return;
    const at = Math.max(wakeAt, (lastTick.get(host.runId) ?? 0) + TICK_SPACING_MS);
    cancelWake.set(host.runId, clock.at(at, () => {
      lastTick.set(host.runId, clock.now());
      host.send({ type: "clock.ticked", now: clock.now() });
      setWake(host);
    }));
  }

  const sendOwed = (host: RunHost): void => {
    for (const entry of host.outbox()) {
      if (entry.state !== "owed" || entry.due_at > clock.now() || mailing.has(entry.key)) continue;
      mailing.add(entry.key);
      const delivery = deliverMail(mailRoom, host.document(), entry);
      inBackground(delivery.then((result) => host.updateOutbox(result)).finally(() => mailing.delete(entry.key)));
    }
  };

  const letGo = async (host: RunHost): Promise<void> => {
    forget(host);
    const due = host.outbox().filter(({ state }) => state === "owed").map(({ due_at }) => due_at);
    await store.release([{ run_id: host.runId, token: host.token, attention_at: due.length === 0 ? null : Math.min(...due) }]);
    await host.stop();
    for (const resolve of waiters.get(host.runId) ?? []) resolve(host.document());
    waiters.delete(host.runId);
  };

  const afterCommit = (host: RunHost, entries: readonly TransitionEntry[]): void => {
    options.onCommitted?.(host.document(), entries);
    setWake(host);
    sendOwed(host);
    const owesNow = host.outbox().some((entry) => entry.state === "owed" && (entry.due_at <= clock.now() || mailing.has(entry.key)));
    if (host.resting() && host.settled() && !owesNow) inBackground(letGo(host).then(admit));
    else admit();
  };

  function admit(): void {
    const queued = [...hosts.values()].filter((host) => host.document().status === "pending");
    const active = [...hosts.values()].filter((host) => !host.resting() && host.document().status === "running").length;
    for (const host of queued.slice(0, Math.max(0, options.maxActiveRuns - active))) host.send({ type: "run.admitted" });
  }

  const hostRecord = (record: RunRecord): void => {
    if (stopping || hosts.has(record.document.run_id)) return;
    const host = createRunHost({
      machine: options.machine,
      record,
      groupCommit,
      clock,
      usage: options.usage,
      onCommitted: afterCommit,
      onLost: (lost, error) => {
        forget(lost);
        options.onTrouble(error);
      },
      onTrouble: options.onTrouble,
    });
    hosts.set(host.runId, host);
    if (host.settled()) afterCommit(host, []);
  };

  const claim = async (runId?: string): Promise<number> => {
    const limit = runId === undefined ? Math.max(0, options.maxActiveRuns * 2 - hosts.size) : 1;
    if (limit === 0) return 0;
    const records = await store.claim({ owner, now: clock.now(), lease_ms: options.leaseMs, limit, ...(runId === undefined ? {} : { run_id: runId }) });
    for (const record of records) hostRecord(record);
    return records.length;
  };

  const abandonAll = (error: HaystackError): void => {
    for (const host of [...hosts.values()]) {
      forget(host);
      inBackground(host.stop());
    }
    options.onTrouble(error);
  };

  const renew = async (): Promise<void> => {
    if (hosts.size === 0) {
      renewedAt = clock.now();
      return;
    }
    const leases = [...hosts.values()].map(({ runId, token }) => ({ run_id: runId, token }));
    const started = clock.now();
    try {
      const kept = new Set(await store.renew(owner, leases, started + options.leaseMs));
      renewedAt = started;
      for (const { run_id } of leases) {
        const host = hosts.get(run_id);
        if (kept.has(run_id) || host === undefined) continue;
        forget(host);
        inBackground(host.stop());
      }
    } catch (thrown) {
      if (clock.now() - renewedAt < options.leaseMs) throw thrown;
      abandonAll(new HaystackError("LEASE_LOST", "The leases could not be renewed in time; all runs were stopped here.", { cause: thrown }));
    }
  };

  const poll = async (): Promise<void> => {
    for (const { run_id, inbox, status } of await store.pending(owner)) {
      const host = hosts.get(run_id);
      for (const event of inbox) host?.deliver(event);
      if (status === "cancelled" && host?.document().status !== "cancelled" && host?.settled() === true) host.cancelledOutside();
    }
    for (const host of hosts.values()) sendOwed(host);
  };

  const supervisor: Supervisor = {
    async start() {
      unsubscribe = await options.jobEvents.subscribe(async ({ event_id, job_id, state }) => {
        const runId = runOfJob(job_id);
        if (runId === undefined) return;
        const event = { id: event_id, event: { type: "job.changed", job_id, state } };
        if ((await store.deliver(runId, event)) !== "unknown_run") hosts.get(runId)?.deliver(event);
      });
      every(options.leaseMs / 3, renew);
      every(options.pollMs, poll);
      if (options.sweeps) {
        await claim();
        every(options.pollMs, async () => void (await claim()));
      }
    },
    async submit(document) {
      if (!isRunId(document.run_id)) throw new HaystackError("USAGE", "A run id has lower-case letters, digits and inner hyphens, at most 44.");
      await store.insert(document, { owner, expires_at: clock.now() + options.leaseMs });
      const record = await store.get(document.run_id);
      if (record !== undefined) hostRecord(record);
    },
    async adopt(runId) {
      if ((await claim(runId)) === 1) return;
      if ((await store.get(runId)) === undefined) throw new HaystackError("RUN_NOT_FOUND", `There is no run ${runId}; list the runs to see their ids.`);
      throw new HaystackError("LEASE_LOST", `Run ${runId} is hosted by another process at this moment.`);
    },
    async deliver(runId, event) {
      if ((await store.deliver(runId, event)) === "unknown_run") throw new HaystackError("RUN_NOT_FOUND", `There is no run ${runId}; list the runs to see their ids.`);
      hosts.get(runId)?.deliver(event);
    },
    settled: (runId) =>
      new Promise((resolve) => {
        waiters.set(runId, [...(waiters.get(runId) ?? []), resolve]);
      }),
    async stop() {
      stopping = true;
      for (const cancel of timers) cancel();
      for (const cancel of cancelWake.values()) cancel();
      await unsubscribe?.();
      const leaving = [...hosts.values()];
      await Promise.all(leaving.map((host) => host.stop()));
      groupCommit.close();
      await groupCommit.idle();
      await Promise.allSettled(background);
      await store.release(leaving.map(({ runId, token }) => ({ run_id: runId, token })));
      hosts.clear();
    },
  };
  return supervisor;
}

/** The run that a job of ours belongs to; undefined for a job that is not. */
export function runOfJob(jobId: string): string | undefined {
  return /^hs-(.+)-i\d+-[pc]-a\d+$/.exec(jobId)?.[1];
}
