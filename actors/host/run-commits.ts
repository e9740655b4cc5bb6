import type { Actor } from "xstate";
import { HaystackError, recordRefused } from "../../errors.ts";
import type { RunContext } from "../../machines/run-types.ts";
import { RUN_MACHINE, type RunMachine } from "../../machines/run.ts";
import { earliestWakeUp, isResting, runState } from "../../machines/run-view.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { Postponement, RunDocument, RunStatus, Usage } from "../../services/runs/document.ts";
import type {
  CommitOutcome,
  OutboxEntry,
  RunCommit,
  RunRecord,
  TransitionEntry,
} from "../../services/runs/index.ts";
import { endedJobs, type Instruments } from "../instruments.ts";
import type { CommitSource, GroupCommit } from "./group-commit.ts";
import { persistedSnapshot, snapshotBudget, snapshotText } from "./persisted-snapshot.ts";
import type { RunLifeHolder } from "./run-life.ts";
import {
  documentOf,
  documentOfBroken,
  hasEnded,
  mailDueAt,
  outboxOf,
  outboxOfBroken,
} from "./run-record.ts";
import type { RunSteps } from "./run-steps.ts";
import { createWriteState } from "./write-state.ts";

/**
 * The stored side of one live run: what its next commit holds, and what its outcome means.
 *
 * Owns: the compare-and-set of the document (D1, D3), the outbox, and what waits for the next
 * commit.
 * Does not own: the actor and the run's life (the run host's), when steps start (the run's steps'),
 * the write itself (the group commit's). The invariants are the run host's.
 */
export interface RunCommits {
  revision(): number;
  document(): RunDocument;
  outbox(): readonly OutboxEntry[];
  wakeAt(): number | null;
  /** Only an event moves the run on, as the machine or its failure has it. */
  resting(): boolean;
  /** Every change is durable. */
  settled(): boolean;
  /** Asks for a commit. */
  changed(): void;
  /** The next commit logs the transition. */
  log(transition: Omit<TransitionEntry, "revision">): void;
  /** The next commit consumes the inbox event. */
  consume(id: string): void;
  /** Resolves when the change is durable, or never will be as the run is stopped here. */
  changeOutbox(change: (outbox: readonly OutboxEntry[]) => readonly OutboxEntry[]): Promise<void>;
  /** The run is stopped here: nothing more is written. */
  close(): void;
  /** The status that the next commit expects in the store. */
  expectedStatus(): RunStatus;
  /** Another program has set the stored status to cancelled. */
  expectCancelled(): void;
}

export interface RunCommitsOptions {
  readonly record: RunRecord;
  readonly token: number;
  readonly actor: Actor<RunMachine>;
  /** The snapshot as it is stored. */
  readonly lastGood: object | null;
  /** When it asks to be woken. */
  readonly wakeAt: number | null;
  readonly life: RunLifeHolder;
  readonly steps: RunSteps;
  readonly groupCommit: GroupCommit;
  readonly clock: Clock;
  readonly usage: (context: RunContext) => Usage;
  readonly postponed: () => Postponement | undefined;
  readonly instruments: Instruments | undefined;
  /** The machine's state cannot be stored; the run's life must have an error afterwards. */
  readonly onUnwritable: (thrown: unknown) => void;
  readonly onCommitted: (entries: readonly TransitionEntry[]) => void;
  readonly onCancelledOutside: () => void;
  /** A lost compare-and-set: the run is another's. */
  readonly onLost: (error: HaystackError) => void;
  readonly onTrouble: (error: HaystackError) => void;
}

/** What a commit holds beside the state. */
interface Entries {
  readonly transitions: Omit<TransitionEntry, "revision">[];
  readonly consumed: string[];
  /** Told when they are durable. */
  readonly recorded: (() => void)[];
}

const noEntries = (): Entries => ({ transitions: [], consumed: [], recorded: [] });

export function createRunCommits(options: RunCommitsOptions): RunCommits {
  const { record, token, actor, life, steps, clock } = options;
  const runId = record.document.run_id;
  const write = createWriteState();
  const checkBudget = snapshotBudget(runId, record.snapshot ?? "", options.onTrouble);
  let { document, revision, outbox } = record;
  let { lastGood, wakeAt } = options;
  /** The one that `lastGood` is of: an earlier one until the run has been stored here. */
  let machine = record.machine ?? RUN_MACHINE;
  let expectedStatus: RunStatus = document.status;
  let jobs = actor.getSnapshot().context.jobs;
  let takenJobs = jobs;
  let fresh = noEntries();
  let taken = noEntries();
  const host = record.lease?.owner;
  /** The log says who hosts it now. */
  let isLogged = false;

  const changed = (): void => {
    write.on("change");
    if (life.state !== "stopped") options.groupCommit.request(source);
  };

  const resting = (): boolean =>
    life.error !== null || isResting(runState(actor.getSnapshot().value));

  /** What the machine has become; undefined when that cannot be stored. */
  const machineState = (
    now: number,
  ): { readonly document: RunDocument; readonly snapshot: string } | undefined => {
    try {
      const persisted = persistedSnapshot(actor);
      const text = snapshotText(persisted);
      checkBudget(text);
      const state = actor.getSnapshot();
      const next = documentOf(document, state, {
        usage: options.usage(state.context),
        postponed: options.postponed(),
        now,
      });
      lastGood = persisted;
      machine = RUN_MACHINE;
      wakeAt = earliestWakeUp(persisted);
      outbox = outboxOf(outbox, next, state.context.mails, now);
      takenJobs = state.context.jobs;
      return { document: next, snapshot: text };
    } catch (thrown) {
      options.onUnwritable(thrown);
      return undefined;
    }
  };

  /** What the next commit writes; a machine that broke leaves its last good snapshot. */
  const nextState = (
    now: number,
  ): { readonly document: RunDocument; readonly snapshot: string } => {
    const ofMachine = life.error === null ? machineState(now) : undefined;
    if (ofMachine !== undefined) return ofMachine;
    const snapshot = JSON.stringify(lastGood);
    wakeAt = null;
    const { error } = life;
    if (error === null || (life.state === "unreadable" && hasEnded(document)))
      return { document, snapshot };
    outbox = outboxOfBroken(outbox, document, revision, now);
    return { document: documentOfBroken(document, error, now), snapshot };
  };

  /**
   * A queued run needs no host until it is admitted, and a mail that it owes waits for that; a
   * resting one needs one for its next mail.
   */
  const attentionAt = (status: RunStatus): number | null => {
    if (status === "pending") return null;
    return resting() ? mailDueAt(outbox) : 0;
  };

  const isCancelledOutside = ({ expect }: RunCommit, outcome: CommitOutcome): boolean =>
    outcome.result === "conflict" &&
    outcome.revision === expect.revision &&
    outcome.token === token &&
    outcome.status === "cancelled" &&
    life.state !== "unreadable" &&
    expectedStatus !== "cancelled";

  const committed = ({ document: after, history: entries }: RunCommit): void => {
    revision += 1;
    options.instruments?.runChanged?.({
      before: document,
      after,
      entries,
      ended_jobs: endedJobs(jobs, takenJobs),
    });
    jobs = takenJobs;
    document = after;
    expectedStatus = document.status;
    isLogged ||= entries.length > 0;
    for (const tell of taken.recorded) tell();
    steps.open();
    options.onCommitted(entries);
  };

  /** What was taken belongs to the next commit again. */
  const putBack = (): void => {
    fresh = {
      transitions: [...taken.transitions, ...fresh.transitions],
      consumed: [...taken.consumed, ...fresh.consumed],
      recorded: [...taken.recorded, ...fresh.recorded],
    };
    steps.putBack();
  };

  const source: CommitSource = {
    take() {
      if (write.state === "clean" || life.state === "stopped") return null;
      write.on("take");
      steps.take();
      taken = fresh;
      fresh = noEntries();
      const { document: next, snapshot } = nextState(clock.now());
      return {
        run_id: runId,
        expect: { revision, token, status: expectedStatus },
        document: next,
        snapshot,
        machine,
        wake_at: wakeAt,
        attention_at: attentionAt(next.status),
        consumed: taken.consumed,
        outbox,
        history: taken.transitions.map((entry, place) => ({
          revision: revision + 1,
          ...entry,
          ...(place === 0 && !isLogged && host !== undefined ? { host } : {}),
        })),
      };
    },
    settle(commit, outcome) {
      write.on("settle");
      if (life.state === "stopped") return;
      if (outcome.result === "committed") {
        committed(commit);
      } else if (isCancelledOutside(commit, outcome)) {
        putBack();
        options.onCancelledOutside();
      } else if (outcome.result === "refused") {
        options.onLost(recordRefused(runId, outcome.problem));
      } else {
        options.onLost(
          new HaystackError(
            "COMMIT_CONFLICT",
            `Run ${runId} is hosted elsewhere or was changed; this daemon has stopped hosting it.`,
            { details: { outcome } },
          ),
        );
      }
    },
  };

  return {
    revision: () => revision,
    document: () => document,
    outbox: () => outbox,
    wakeAt: () => wakeAt,
    resting,
    settled: () => write.state === "clean",
    changed,
    log: (transition) => void fresh.transitions.push(transition),
    consume: (id) => void fresh.consumed.push(id),
    changeOutbox(change) {
      outbox = change(outbox);
      const { promise, resolve } = Promise.withResolvers<void>();
      fresh.recorded.push(resolve);
      if (life.state === "stopped") resolve();
      changed();
      return promise;
    },
    close() {
      for (const tell of [...taken.recorded, ...fresh.recorded]) tell();
    },
    expectedStatus: () => expectedStatus,
    expectCancelled() {
      expectedStatus = "cancelled";
    },
  };
}
