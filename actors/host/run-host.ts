import { createActor, type Actor, type Snapshot } from "xstate";
import { HaystackError, type ErrorRecord, toHaystackError } from "../../errors.ts";
import { isRunId } from "../../machines/job-id.ts";
import type { RunContext, RunEvent } from "../../machines/run-types.ts";
import { RUN_MACHINE, type RunMachine } from "../../machines/run.ts";
import {
  earliestWakeUp,
  isResting,
  runState,
  runView,
  stateName,
} from "../../machines/run-view.ts";
import { migrateSnapshot } from "../../machines/versions.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { RunDocument, RunStatus, Usage } from "../../services/runs/document.ts";
import type {
  CommitOutcome,
  InboxEvent,
  OutboxEntry,
  RunCommit,
  RunRecord,
  TransitionEntry,
} from "../../services/runs/index.ts";
import type { CommitSource, GroupCommit } from "./group-commit.ts";
import type { Inspection } from "../inspection/inspection.ts";
import { endedJobs, type Instruments } from "../instruments.ts";
import { MAIL_REQUESTED } from "../mail/requested.ts";
import { persistedSnapshot, snapshotBudget, snapshotText } from "./persisted-snapshot.ts";
import {
  documentOf,
  documentOfBroken,
  hasEnded,
  mailDueAt,
  outboxOf,
  outboxOfBroken,
  oweAgain,
} from "./run-record.ts";
import { createRunSteps, type RunSteps } from "./run-steps.ts";
import { registerHost } from "./step.ts";

/**
 * One live run: the machine actor and the order in which its changes become durable.
 *
 * Owns: the actor, the compare-and-set of its document (D1, D3), consumption of its inbox (D5).
 * Does not own: when steps start (the run's steps'), timers and mails (the supervisor's), the write
 * itself (the group commit's).
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
  extends CommitSource, Pick<RunSteps, "leaseHolds" | "leaseUntil" | "renewed"> {
  readonly runId: string;
  readonly token: number;
  document(): RunDocument;
  outbox(): readonly OutboxEntry[];
  wakeAt(): number | null;
  resting(): boolean;
  /** Every change is durable. */
  settled(): boolean;
  /** Settled, and no step is under way: only an event or a time moves the run on. */
  waiting(): boolean;
  deliver(event: InboxEvent): void;
  /** An event that needs no memory: admission, a tick of the clock. */
  send(event: RunEvent): void;
  /** Another program set the status to cancelled. */
  cancelledOutside(): void;
  updateOutbox(entry: OutboxEntry): void;
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

/** What starts the machine of a broken run again, from its last good snapshot. */
const REVIVING: ReadonlySet<string> = new Set(["retry.requested", "cancel.requested"]);

export function createRunHost(options: RunHostOptions): RunHost {
  const { machine, record, groupCommit, clock } = options;
  const runId = record.document.run_id;
  const token = record.lease?.token ?? 0;
  const seen = new Set<string>();
  let { document, revision, outbox, wake_at: wakeAt } = record;
  /**
   * As an object it shares its parts with the live actor; as text it would cost memory of its own.
   */
  let lastGood: object | null =
    record.snapshot === null ? null : (JSON.parse(record.snapshot) as object);
  let expectedStatus: RunStatus = document.status;
  let broken: ErrorRecord | null = null;
  /** It broke under an earlier host, and its machine has not been started here. */
  let parked = false;
  let started = false;
  let changed = false;
  let writing = false;
  let stopped = false;
  let starting = true;
  let fresh: { transitions: Omit<TransitionEntry, "revision">[]; consumed: string[] } = {
    transitions: [],
    consumed: [],
  };
  let taken = fresh;

  const touch = (): void => {
    changed = true;
    if (!stopped) groupCommit.request(host);
  };

  const steps = createRunSteps({
    clock,
    leaseUntil: record.lease?.expires_at ?? 0,
    needsCommit() {
      if (!starting) touch();
      return !starting;
    },
  });

  const checkBudget = snapshotBudget(runId, record.snapshot ?? "", options.onTrouble);

  /** No step starts from a state that is never stored. */
  const brokenBy = (error: HaystackError): ErrorRecord => {
    steps.close(error);
    options.onTrouble(error);
    return error.toRecord();
  };

  const breakDown = (error: HaystackError): void => {
    broken = brokenBy(error);
    touch();
  };

  const stored =
    record.snapshot === null || record.machine === null
      ? null
      : migrateSnapshot(record.machine, lastGood as object);
  const actor: Actor<RunMachine> = createActor(machine, {
    input: {
      run_id: runId,
      query: document.query,
      config: document.config,
      random_seed: document.random_seed,
    },
    ...(stored === null || stored === undefined ? {} : { snapshot: stored as Snapshot<unknown> }),
  });

  const isUnreadable = stored === undefined;
  let jobs = actor.getSnapshot().context.jobs;
  let takenJobs = jobs;

  const resting = (): boolean => broken !== null || isResting(runState(actor.getSnapshot().value));

  /** What the next commit writes; a machine that broke leaves its last good snapshot. */
  const nextState = (
    now: number,
  ): { readonly document: RunDocument; readonly snapshot: string } => {
    if (broken === null) {
      try {
        const persisted = persistedSnapshot(actor);
        const text = snapshotText(persisted);
        checkBudget(text);
        const state = actor.getSnapshot();
        const next = documentOf(document, state, options.usage(state.context), now);
        lastGood = persisted;
        wakeAt = earliestWakeUp(persisted);
        outbox = outboxOf(outbox, next, state.context.mails);
        takenJobs = state.context.jobs;
        return { document: next, snapshot: text };
      } catch (thrown) {
        broken = brokenBy(toHaystackError(thrown));
        actor.stop();
      }
    }
    wakeAt = null;
    if (isUnreadable && hasEnded(document)) return { document, snapshot: JSON.stringify(lastGood) };
    outbox = outboxOfBroken(outbox, document, revision);
    return {
      document: documentOfBroken(document, broken, now),
      snapshot: JSON.stringify(lastGood),
    };
  };

  const giveUp = (error: HaystackError): void => {
    stopped = true;
    options.inspection?.closed(runId, actor);
    actor.stop();
    steps.close(error);
  };

  const host: RunHost = {
    runId,
    token,
    document: () => document,
    outbox: () => outbox,
    wakeAt: () => wakeAt,
    resting,
    settled: () => !changed && !writing,
    waiting: () => !changed && !writing && steps.count() === 0,
    leaseHolds: steps.leaseHolds,
    leaseUntil: steps.leaseUntil,
    renewed: steps.renewed,
    deliver({ id, event }) {
      if (stopped || seen.has(id) || (isUnreadable && event.type !== MAIL_REQUESTED)) return;
      const revives = REVIVING.has(event.type);
      // It broke here: left in the inbox for the next host, which tries once.
      if (broken !== null && started && revives) return;
      if (parked && revives) start();
      seen.add(id);
      fresh.consumed.push(id);
      if (event.type === MAIL_REQUESTED)
        outbox = oweAgain(outbox, String(event["key"]), clock.now());
      else host.send(event as RunEvent);
      touch();
    },
    send(event) {
      if (!stopped && broken === null && actor.getSnapshot().status === "active") actor.send(event);
    },
    cancelledOutside() {
      if (stopped || isUnreadable || expectedStatus === "cancelled") return;
      if (broken !== null && !parked) return options.onCancelledBroken(host);
      expectedStatus = "cancelled";
      if (parked) start();
      host.send({ type: "cancel.requested" });
      touch();
    },
    updateOutbox(entry) {
      outbox = outbox.map((known) => (known.key === entry.key ? entry : known));
      touch();
    },
    async stop() {
      giveUp(
        new HaystackError(
          "STEP_ABORTED",
          "The daemon gave the run up; another one goes on with it.",
        ),
      );
      await steps.ended();
    },

    take(): RunCommit | null {
      if (!changed || stopped) return null;
      changed = false;
      writing = true;
      steps.take();
      taken = fresh;
      fresh = { transitions: [], consumed: [] };
      const now = clock.now();
      const { document: next, snapshot } = nextState(now);
      /**
       * A queued run needs no host until it is admitted, and a mail that it owes waits for that; a
       * resting one needs one for its next mail.
       */
      const attentionAt = next.status === "pending" ? null : resting() ? mailDueAt(outbox) : 0;
      return {
        run_id: runId,
        expect: { revision, token, status: expectedStatus },
        document: next,
        snapshot,
        machine: broken === null ? RUN_MACHINE : (record.machine ?? RUN_MACHINE),
        wake_at: wakeAt,
        attention_at: attentionAt,
        consumed: taken.consumed,
        outbox,
        history: taken.transitions.map((entry) => ({ revision: revision + 1, ...entry })),
      };
    },

    settle(commit: RunCommit, outcome: CommitOutcome): void {
      writing = false;
      if (stopped) return;
      if (outcome.result === "committed") {
        revision += 1;
        options.instruments?.runChanged?.({
          before: document,
          after: commit.document,
          entries: commit.history,
          ended_jobs: endedJobs(jobs, takenJobs),
        });
        jobs = takenJobs;
        document = commit.document;
        expectedStatus = document.status;
        steps.open();
        options.onCommitted(host, commit.history);
        return;
      }
      const isCancelledOutside =
        outcome.result === "conflict" &&
        outcome.revision === commit.expect.revision &&
        outcome.token === token &&
        outcome.status === "cancelled";
      if (isCancelledOutside && !isUnreadable && expectedStatus !== "cancelled") {
        fresh = {
          transitions: [...taken.transitions, ...fresh.transitions],
          consumed: [...taken.consumed, ...fresh.consumed],
        };
        steps.putBack();
        host.cancelledOutside();
        return;
      }
      const error = new HaystackError(
        "COMMIT_CONFLICT",
        `Run ${runId} is hosted elsewhere or was changed; this daemon has stopped working on it.`,
        { details: { outcome } },
      );
      giveUp(error);
      options.onLost(host, error);
    },
  };

  const start = (): void => {
    if (parked) touch();
    parked = false;
    started = true;
    broken = null;
    starting = true;
    actor.subscribe({ error: (thrown) => breakDown(toHaystackError(thrown)) });
    actor.start();
    starting = false;
    options.inspection?.opened(runId, actor);
  };

  const stepStarted = options.instruments?.stepStarted;
  registerHost(actor.system, {
    moved(who, event, before, after) {
      const from = before === null ? "" : stateName(before);
      const to = stateName(after);
      if (from !== to)
        fresh.transitions.push({
          at: clock.now(),
          actor: who === actor ? "run" : who.id,
          event,
          from,
          to,
        });
      touch();
    },
    ...(stepStarted === undefined
      ? {}
      : { started: (name: string, input: unknown) => stepStarted({ run_id: runId, name, input }) }),
    run: steps.run,
  });

  if (!isRunId(runId)) {
    starting = false;
    breakDown(
      new HaystackError(
        "USAGE",
        `The run id ${runId} cannot name jobs; a run id has lower-case letters, digits and inner hyphens, at most 44.`,
      ),
    );
  } else if (isUnreadable) {
    starting = false;
    const error = new HaystackError(
      "MACHINE_VERSION_UNKNOWN",
      `Run ${runId} was written by version ${record.machine?.version ?? "?"} of the machine, which this release cannot read; run the release that wrote it.`,
    );
    if (hasEnded(document)) broken = error.toRecord();
    else breakDown(error);
  } else {
    const state = actor.getSnapshot();
    const view = runView(state.value, state.context);
    const differs = view.status !== document.status;
    parked =
      differs &&
      document.status === "failed" &&
      document.error !== null &&
      document.error.code !== "MACHINE_VERSION_UNKNOWN" &&
      document.error_message !== view.error_message;
    if (parked) broken = document.error;
    else start();
    if (differs && document.status === "cancelled") host.send({ type: "cancel.requested" });
    if (!parked && (stored === null || differs)) touch();
  }
  for (const event of record.inbox) host.deliver(event);
  return host;
}
