import { HaystackError, runNotFound, toHaystackError } from "../../errors.ts";
import { isRunId } from "../../machines/job-id.ts";
import type { JobEvents } from "../../services/job-events/index.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { InboxEvent } from "../../services/runs/index.ts";
import { createBackground } from "./background.ts";
import { createClaims } from "./claims.ts";
import type { Dispatch } from "./dispatch.ts";
import { createEventRouter } from "./event-router.ts";
import { createJobWatch } from "./job-watch.ts";
import { createHosting, type HostingOptions } from "./hosting.ts";
import { createLeaseKeeper } from "./lease-keeper.ts";
import { hostedRun, type SupervisorStatus } from "./status.ts";
import { isSetAside } from "../run-wishes.ts";
import { createUnreadableFilter } from "./unreadable.ts";

/**
 * Hosts runs: claims them, keeps their leases, and does with each what is asked for by its id.
 *
 * Owns: the timers of a daemon, and the order in which it starts and stops.
 * Does not own: what a run does (the machine), when it is durable (the run host), which runs are
 * claimed (the claims), how hosting begins and ends (the hosting), how events reach them (the event
 * router).
 * 1. A run is hosted only under a lease; a lease that was not renewed in time stops its runs here
 *    (D9).
 * 2. Runs that rest or wait long leave memory, and come back by their next event or time (D11).
 * 3. Queued runs stay in the store until they are admitted.
 */
export interface SupervisorOptions extends HostingOptions {
  readonly jobEvents: JobEvents;
  readonly owner: string;
  readonly leaseMs: number;
  readonly pollMs: number;
  /** Present: claimed runs become jobs of their own where it says so. */
  readonly dispatch?: Dispatch;
}

export interface Supervisor {
  start(): Promise<void>;
  /**
   * Stores a new run: for the common queue, which is then swept soon, or hosted here from the start
   * by a process for given runs. Errors: RUN_EXISTS.
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
  /** While draining, nothing is claimed, and hosted runs are released as soon as they wait. */
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
  /** Stops hosting, finishes the write under way and releases the leases. */
  stop(): Promise<void>;
}

/** Of a run that is inserted with a lease. */
const FIRST_TOKEN = 1;

/** With more events for runs that nobody hosts a sweep claims all of them in a few requests. */
const MOST_CLAIMS_OF_ONE = 16;

/**
 * Between two looks at a job, in milliseconds. A daemon looks at all together, whereas a thousand
 * processes for one run each share the quota of reads.
 */
const LONGEST_PAUSE_OF_DAEMON = { waiting: 0, running: 2 * 60_000 };
const LONGEST_PAUSE_OF_ONE_RUN = { waiting: 60_000, running: 2 * 60_000 };
/** For how long a run that waits for a job may be out of memory when somebody asks for it. */
const LONGEST_UNWATCHED_MS = 5 * 60_000;

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { store, clock, owner, leaseMs, pollMs, sweeps } = options;
  const background = createBackground(clock, options.onTrouble, options.random);
  const hosting = createHosting(options, {
    background,
    admits: () => claims.admits(),
    drains: () => claims.drains(),
    claim: (runId) => claims.claimOne(runId),
  });
  const { hosts } = hosting;
  const claims = createClaims({
    store,
    clock,
    owner,
    leaseMs,
    limits: options.limits,
    dispatch: options.dispatch,
    beforeClaim: () => leases.renewIfTimesPart(),
    /** A process for given runs has nobody to leave them to. */
    skips: sweeps ? createUnreadableFilter(clock, leaseMs) : () => false,
    host: hosting.host,
    obstructed: () => [...hosts.values()].some((host) => host.obstructed()),
    onTrouble: options.onTrouble,
  });
  const leases = createLeaseKeeper({
    store,
    clock,
    owner,
    leaseMs,
    hosts: () => [...hosts.values()],
    onLost: hosting.lose,
  });
  const events = createEventRouter({
    store,
    owner,
    hosts,
    taken: options.instruments?.jobEventTaken,
    onUnhosted(runId) {
      if (!sweeps || claims.drains()) return;
      if (claimsUnderWay >= MOST_CLAIMS_OF_ONE) return sweepSoon();
      claimsUnderWay += 1;
      background.run(claims.claimOne(runId).finally(() => (claimsUnderWay -= 1)));
    },
  });
  const watch =
    options.jobs === undefined
      ? undefined
      : createJobWatch({
          jobs: options.jobs,
          clock,
          hosts: () => hosts.values(),
          longestMs: sweeps ? LONGEST_PAUSE_OF_DAEMON : LONGEST_PAUSE_OF_ONE_RUN,
        });
  let unsubscribe: (() => Promise<void>) | undefined;
  let endHints: (() => void) | undefined;
  let sweepSoon = (): void => undefined;
  let claimsUnderWay = 0;

  const sweep = async (): Promise<void> => {
    await claims.sweep();
    options.instruments?.swept?.();
  };

  const poll = async (): Promise<void> => {
    await events.collect();
    hosting.poll();
  };

  const claim = async (
    runId: string,
    adjust?: (document: RunDocument) => RunDocument,
  ): Promise<void> => {
    if (await claims.claimOne(runId, adjust)) return;
    const stands = await store.get(runId);
    if (stands === undefined) throw runNotFound(runId);
    if (stands.set_aside !== undefined) throw isSetAside(stands);
    throw new HaystackError(
      "LEASE_LOST",
      `Run ${runId} is hosted by another process; wait until that process has finished with it.`,
    );
  };

  /** A daemon that drains takes no run from the queue. */
  const renewPresence = async (): Promise<void> =>
    claims.drains()
      ? store.presence?.end(owner)
      : store.presence?.renew(owner, clock.now(), clock.now() + leaseMs);

  /** Stores a new run under a lease of this process, and hosts it. */
  const insertHosted = async (document: RunDocument): Promise<void> => {
    const lease = { owner, expires_at: clock.now() + leaseMs };
    await store.insert(document, lease);
    hosting.host({
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
    hosting.admitGiven();
  };

  return {
    async start() {
      unsubscribe = await options.jobEvents.subscribe(events.take);
      background.every(leaseMs / 3, leases.renew);
      const pollSoon = background.every(pollMs, poll);
      if (watch !== undefined && options.jobs !== undefined)
        background.every(options.jobs.everyMs, watch.look);
      if (sweeps) {
        background.run(renewPresence());
        background.every(leaseMs / 3, renewPresence);
        background.run(sweep());
        sweepSoon = background.every(pollMs, sweep, 0.5);
      }
      endHints = store.hints?.(() => {
        pollSoon();
        sweepSoon();
      });
    },
    async submit(document) {
      if (!isRunId(document.run_id))
        throw new HaystackError(
          "USAGE",
          "The run id cannot be used; use at most 44 lower-case letters, digits and inner hyphens.",
        );
      if (!sweeps) return insertHosted(document);
      await store.insert(document);
      sweepSoon();
    },
    async adopt(runId, adjust) {
      await claim(runId, adjust);
      hosting.admitGiven();
    },
    async deliver(runId, event) {
      if ((await events.deliver(runId, event)) === "unknown_run") throw runNotFound(runId);
    },
    settled: hosting.settled,
    hosted: () => [...hosts.keys()],
    status: () => ({
      owner,
      admission_paused: !claims.admits(),
      draining: claims.drains(),
      limits: options.limits,
      hosted: [...hosts.values()].map(hostedRun),
    }),
    pauseAdmission(paused) {
      claims.pauseAdmission(paused);
      hosting.admitGiven();
    },
    drain(draining) {
      claims.drain(draining);
      hosting.admitGiven();
    },
    async passivate(runId) {
      const host = hosts.get(runId);
      if (host === undefined)
        throw new HaystackError(
          "RUN_STATE_FORBIDS",
          `Run ${runId} is not in the memory of this daemon; nothing was changed.`,
        );
      if (!hosting.waits(host))
        throw new HaystackError(
          "RUN_STATE_FORBIDS",
          `Run ${runId} is busy; ask for it when it waits for something.`,
        );
      const isWatched = watch !== undefined && host.awaited().length > 0;
      const wakeAt = host.wakeAt() ?? Number.POSITIVE_INFINITY;
      await hosting.passivate(
        host,
        isWatched ? Math.min(wakeAt, clock.now() + LONGEST_UNWATCHED_MS) : host.wakeAt(),
      );
    },
    async rehydrate(runId) {
      if (hosts.has(runId)) return true;
      await claim(runId);
      if (hosts.has(runId)) hosting.keep(runId);
      return hosts.has(runId);
    },
    async stop() {
      hosting.close();
      endHints?.();
      claims.close();
      await unsubscribe?.();
      await hosting.stop();
      if (sweeps)
        await store.presence
          ?.end(owner)
          .catch((thrown: unknown) => options.onTrouble(toHaystackError(thrown)));
    },
  };
}
