import { newRun, type RunDocument } from "../../../services/runs/document.ts";
import type { Clock } from "../../../services/clock/index.ts";
import type { InboxEvent } from "../../../services/runs/index.ts";
import type { MemoryRuns } from "../memory-runs.ts";
import type { PlannedAction, PlannedRun } from "./planned-runs.ts";
import type { Random } from "./random.ts";
import type { SimulatedDaemon } from "./simulated-daemon.ts";
import type { Witness } from "./witness.ts";

/** People and other programs: they insert runs, cancel and retry them. */
export interface Users {
  start(): void;
  /** Everything planned was done and, where somebody answers, accepted. */
  areDone(): boolean;
  /** Somebody asked for the run's retry. */
  hasRetried(runId: string): boolean;
  /** Since when the run has to be cancelled. */
  cancelledAt(runId: string): number | undefined;
}

export interface UsersOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly runs: MemoryRuns;
  readonly planned: readonly PlannedRun[];
  readonly actions: readonly PlannedAction[];
  readonly witness: Witness;
  readonly living: () => readonly SimulatedDaemon[];
}

export const CLIENT_TIMEOUT_MS = 20_000;

export function createUsers({
  clock,
  random,
  runs,
  planned,
  actions,
  witness,
  living,
}: UsersOptions): Users {
  const retried = new Set<string>();
  const cancelled = new Map<string, number>();
  let planning = planned.length + actions.length;
  let requests = 0;
  const after = (ms: number, work: () => void): void => void clock.at(clock.now() + ms, work);

  /**
   * A client of a daemon tries again, under the same name, until it hears that its request is
   * stored.
   */
  const request = (
    what: string,
    send: (daemon: SimulatedDaemon) => Promise<unknown>,
    done: () => void,
    isDone: (code: string) => boolean,
  ): void => {
    requests += 1;
    const attempt = (): void => {
      let settled = false;
      const settle = (next: () => void): void => {
        if (settled) return;
        settled = true;
        next();
      };
      const again = (): void => settle(() => after(random.between(500, 5_000), attempt));
      const finish = (): void =>
        settle(() => {
          requests -= 1;
          witness.trace(`accepted ${what}`);
          done();
        });
      const [first, ...others] = living();
      if (first === undefined) return again();
      const daemon = random.pick([first, ...others]);
      daemon.process.later(
        random.between(1, 5),
        () =>
          void send(daemon).then(finish, (error: { code?: string }) =>
            isDone(error.code ?? "") ? finish() : again(),
          ),
      );
      after(CLIENT_TIMEOUT_MS, again);
    };
    attempt();
  };

  const documentOf = ({ run_id, user_email, config }: PlannedRun): RunDocument =>
    newRun({
      run_id,
      user_email,
      config,
      query: "How would B cells respond to IFN-beta?",
      random_seed: 1,
      now: clock.now(),
    });

  const insert = (run: PlannedRun): void => {
    witness.trace(`insert ${run.run_id} ${run.inserted}`);
    if (run.inserted === "outside") return void runs.open().insert(documentOf(run));
    request(
      `run ${run.run_id}`,
      (daemon) => daemon.insert(documentOf(run)),
      () => undefined,
      (code) => code === "RUN_EXISTS",
    );
  };

  const act = ({ kind, run_id }: PlannedAction, number: number): void => {
    if (kind === "cancel outside") {
      const status = runs.peek(run_id)?.document.status;
      if (status !== "pending" && status !== "running") return;
      witness.trace(`cancelled outside ${run_id}`);
      runs.setStatus(run_id, "cancelled");
      cancelled.set(run_id, clock.now());
      return;
    }
    if (kind === "retry") retried.add(run_id);
    const event: InboxEvent = {
      id: `user-${number}`,
      event: { type: kind === "retry" ? "retry.requested" : "cancel.requested" },
    };
    const accepted = (): void => {
      if (!runs.holds(run_id, event.id))
        witness.violated("D5", `${kind} of ${run_id} was accepted and is not stored`);
      const state = witness.stateOf(run_id);
      if (kind === "cancel" && state !== "completed" && state !== "cancelled")
        cancelled.set(run_id, clock.now());
    };
    request(
      `${kind} ${run_id}`,
      ({ supervisor }) => supervisor.deliver(run_id, event),
      accepted,
      () => false,
    );
  };

  const isCrowd = actions.some(({ run_id }) => run_id.startsWith("crowd-"));
  const plan = (at: number, work: () => void): void =>
    void clock.at(at, () => {
      planning -= 1;
      work();
    });

  return {
    start() {
      if (isCrowd) witness.fault("crowd cancelled");
      for (const run of planned) plan(run.at, () => insert(run));
      for (const [number, action] of actions.entries()) plan(action.at, () => act(action, number));
    },
    areDone: () => planning === 0 && requests === 0,
    hasRetried: (runId) => retried.has(runId),
    cancelledAt: (runId) => cancelled.get(runId),
  };
}
