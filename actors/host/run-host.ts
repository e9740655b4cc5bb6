import { HaystackError, toHaystackError } from "../../errors.ts";
import type { JobRecord, RunContext, RunEvent } from "../../machines/run-types.ts";
import type { RunMachine } from "../../machines/run.ts";
import { stateName } from "../../machines/run-view.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { RunDocument, Usage } from "../../services/runs/document.ts";
import type {
  InboxEvent,
  OutboxEntry,
  RunRecord,
  TransitionEntry,
} from "../../services/runs/index.ts";
import type { Inspection } from "../inspection/inspection.ts";
import { pathOf } from "../inspection/messages.ts";
import type { Instruments } from "../instruments.ts";
import type { GroupCommit } from "./group-commit.ts";
import { createPostponing, type Postponing } from "./postponing.ts";
import { restoreRun } from "./restore-run.ts";
import { createRunCommits } from "./run-commits.ts";
import { createRunInbox } from "./run-inbox.ts";
import { createRunLife } from "./run-life.ts";
import { hasEnded } from "./run-record.ts";
import { createRunSteps, type RunSteps } from "./run-steps.ts";
import { registerHost } from "./step.ts";

/**
 * One live run: the machine actor and the order in which its changes become durable.
 *
 * Owns: the actor, and the run's life here: when its machine starts, breaks and stops.
 * Does not own: what a commit holds and what its outcome means (the run's commits'), which events
 * are consumed (the run's inbox's), when steps start (the run's steps'), timers and mails (the
 * supervisor's), the write itself (the group commit's).
 * 1. Whatever changes the machine asks for a commit; the commit takes the newest snapshot, so it
 *    always equals the actor.
 * 2. Inbox ids are consumed in the commit that holds the transition they caused.
 * 3. After a lost compare-and-set nothing is written and no step starts any more.
 * 4. A machine that breaks, or whose version is unknown (D10), keeps its last good snapshot; the
 *    run is shown as failed. Its events stay in the inbox for a release that can read it, and what
 *    has ended is not shown otherwise.
 * 5. A run that broke stays so until somebody asks for a retry or cancels it; other events are
 *    consumed without effect.
 */
export interface RunHost
  extends Pick<RunSteps, "leaseHolds" | "leaseUntil" | "renewed">, Pick<Postponing, "obstructed"> {
  readonly runId: string;
  readonly token: number;
  /** Of its last commit. */
  revision(): number;
  document(): RunDocument;
  outbox(): readonly OutboxEntry[];
  wakeAt(): number | null;
  resting(): boolean;
  /** The jobs that were handed over, and whose end is not known. */
  awaited(): readonly JobRecord[];
  /** Every change is durable. */
  settled(): boolean;
  /** Nothing more is written, and no step starts any more. */
  stopped(): boolean;
  /** Settled, and no step is under way: only an event or a time moves the run on. */
  waiting(): boolean;
  deliver(event: InboxEvent): void;
  /** An event that needs no memory: admission, a tick of the clock. */
  send(event: RunEvent): void;
  /** Another program set the status to cancelled. */
  cancelledOutside(): void;
  /** Resolves when the entry is durable, or the run is stopped here. */
  updateOutbox(entry: OutboxEntry): Promise<void>;
  /**
   * Stops the actor and aborts its steps; nothing more is written. Resolves when the steps have
   * ended.
   */
  stop(): Promise<void>;
}

export interface RunHostOptions {
  readonly machine: RunMachine;
  readonly record: RunRecord;
  readonly groupCommit: GroupCommit;
  readonly clock: Clock;
  readonly usage: (context: RunContext) => Usage;
  readonly inspection?: Inspection;
  readonly instruments?: Instruments;
  readonly onCommitted: (host: RunHost, entries: readonly TransitionEntry[]) => void;
  readonly onLost: (host: RunHost, error: HaystackError) => void;
  /**
   * Another program cancelled the run after its machine had broken here: only a new host can start
   * it, from its last good snapshot, and stop its jobs.
   */
  readonly onCancelledBroken: (host: RunHost) => void;
  readonly onTrouble: (error: HaystackError) => void;
}

export function createRunHost(options: RunHostOptions): RunHost {
  const { machine, record, groupCommit, clock, inspection } = options;
  const runId = record.document.run_id;
  const token = record.lease?.token ?? 0;
  const restored = restoreRun(machine, record);
  const { actor } = restored;
  const life = createRunLife(restored.life);

  const postponing = createPostponing({
    clock,
    stored: record.document.postponed,
    changed: () => commits.changed(),
    onTrouble: options.onTrouble,
  });

  const steps = createRunSteps({
    clock,
    postponing,
    leaseUntil: record.lease?.expires_at ?? 0,
    needsCommit() {
      if (life.state === "starting") return false;
      commits.changed();
      return true;
    },
  });

  /** No step starts from a state that is never stored. */
  const breakDown = (error: HaystackError): void => {
    steps.close(error);
    options.onTrouble(error);
    if (life.state === "starting" || life.state === "live")
      life.become({ state: "broken", error: error.toRecord() });
  };

  const stop = (error: HaystackError): void => {
    if (life.state === "stopped") return;
    life.become({ state: "stopped" });
    inspection?.closed(runId, actor);
    actor.stop();
    steps.close(error);
    commits.close();
  };

  const commits = createRunCommits({
    record,
    token,
    actor,
    lastGood: restored.lastGood,
    wakeAt: restored.wakeAt,
    life,
    steps,
    groupCommit,
    clock,
    usage: options.usage,
    postponed: postponing.shown,
    instruments: options.instruments,
    onUnwritable(thrown) {
      breakDown(toHaystackError(thrown));
      actor.stop();
    },
    onCommitted: (entries) => options.onCommitted(host, entries),
    onCancelledOutside: () => host.cancelledOutside(),
    onLost(error) {
      stop(error);
      options.onLost(host, error);
    },
    onTrouble: options.onTrouble,
  });

  const start = (): void => {
    if (life.state === "parked") {
      life.become({ state: "starting" });
      commits.changed();
    }
    actor.subscribe({
      error(thrown) {
        breakDown(toHaystackError(thrown));
        commits.changed();
      },
    });
    actor.start();
    if (life.state === "starting") life.become({ state: "live" });
    inspection?.opened(runId, actor);
  };

  const send = (event: RunEvent): void => {
    if (life.state === "live" && actor.getSnapshot().status === "active") actor.send(event);
  };

  const inbox = createRunInbox({ life, commits, clock, start, send });

  const host: RunHost = {
    runId,
    token,
    revision: commits.revision,
    document: commits.document,
    outbox: commits.outbox,
    wakeAt: commits.wakeAt,
    resting: commits.resting,
    awaited: () =>
      life.state === "live"
        ? actor.getSnapshot().context.jobs.filter(({ state }) => state === "submitted")
        : [],
    settled: commits.settled,
    stopped: () => life.state === "stopped",
    waiting: () => commits.settled() && steps.count() === 0,
    obstructed: postponing.obstructed,
    leaseHolds: steps.leaseHolds,
    leaseUntil: steps.leaseUntil,
    renewed: steps.renewed,
    deliver: inbox.deliver,
    send,
    cancelledOutside() {
      if (life.state === "stopped" || life.state === "unreadable") return;
      if (commits.expectedStatus() === "cancelled") return;
      if (life.state === "broken" || life.state === "refused")
        return options.onCancelledBroken(host);
      commits.expectCancelled();
      if (life.state === "parked") start();
      send({ type: "cancel.requested" });
      commits.changed();
    },
    updateOutbox: (entry) =>
      commits.changeOutbox((outbox) =>
        outbox.map((known) => (known.key === entry.key ? entry : known)),
      ),
    async stop() {
      stop(
        new HaystackError(
          "STEP_ABORTED",
          "This daemon stopped hosting the run; another one continues it.",
        ),
      );
      await steps.ended();
    },
  };

  const stepStarted = options.instruments?.stepStarted;
  registerHost(actor.system, {
    moved(who, event, before, after) {
      const from = before === null ? "" : stateName(before);
      const to = stateName(after);
      const name = who === actor ? "run" : pathOf(who).join(".");
      if (from !== to) commits.log({ at: clock.now(), actor: name, event, from, to });
      commits.changed();
    },
    ...(stepStarted === undefined
      ? {}
      : { started: (name: string, input: unknown) => stepStarted({ run_id: runId, name, input }) }),
    run: steps.run,
  });

  const begin = (): void => {
    const { problem, differs } = restored;
    if (problem !== null) {
      if (life.state === "unreadable" && hasEnded(record.document)) return;
      breakDown(problem);
      commits.changed();
      return;
    }
    if (life.state === "parked") return;
    start();
    if (differs && record.document.status === "cancelled") send({ type: "cancel.requested" });
    if (differs || record.snapshot === null || record.machine === null) commits.changed();
  };

  begin();
  for (const event of record.inbox) host.deliver(event);
  return host;
}
