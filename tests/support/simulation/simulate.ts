import { runOfJob } from "../../../machines/job-id.ts";
import { newRun } from "../../../services/runs/document.ts";
import type { SteadyClock, TimeSource } from "../../../services/clock/steady.ts";
import type { InboxEvent, RunStore } from "../../../services/runs/index.ts";
import { memoryRuns } from "../memory-runs.ts";
import { batchWorld, isRunningJob } from "./batch-world.ts";
import { jobEventChannel } from "./job-event-channel.ts";
import { seededRandom } from "./random.ts";
import { planScenario, type PlannedAction, type PlannedRun } from "./scenario.ts";
import { startDaemon, type SimulatedDaemon, type World } from "./simulated-daemon.ts";
import { virtualClock } from "./virtual-clock.ts";
import { createWitness } from "./witness.ts";

export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly string[];
  /** SHA-256 of everything that happened, in order. */
  readonly digest: string;
  readonly steps: number;
  readonly virtual_seconds: number;
  readonly ends: Readonly<Record<string, string>>;
  /** How often each kind of fault struck. */
  readonly faults: Readonly<Record<string, number>>;
}

export interface SimulationOptions {
  /** A planted fault: the store that the daemons get instead of theirs. */
  readonly mutateStore?: (store: RunStore) => RunStore;
  /** Another one: the clock that the daemons make of their machine's time. */
  readonly clockOf?: (source: TimeSource) => SteadyClock;
  readonly onTrace?: (line: string) => void;
}

/** From the end of all faults and actions, every run must have come to its end. */
const BOUND_MS = 3 * 3_600_000;
/** Afterwards nothing may happen any more. */
const AFTERWARDS_MS = 300_000;
const CLIENT_TIMEOUT_MS = 20_000;

const eventLoopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One world from one seed, run to its end. The same seed gives the same digest. */
export async function simulate(
  seed: number,
  options: SimulationOptions = {},
): Promise<SimulationResult> {
  const scenario = planScenario(seed);
  const clock = virtualClock(scenario.start);
  const users = seededRandom(seed, "users");
  const runs = memoryRuns({
    onCommitted: (commit, before, after) => witness.committed(commit, before, after),
    isGone: (owner) => living().every(({ process }) => process.name !== owner),
  });
  const liveJobs = (runId: string): string[] =>
    [...batch.jobs.values()]
      .filter((job) => job.spec.run_id === runId && isRunningJob(job))
      .map(({ spec }) => spec.job_id);
  const witness = createWitness({
    now: () => clock.now(),
    stored: runs.peek,
    mostWorking: scenario.maxActive + scenario.daemons - 1,
    liveJobs,
    onTrace: options.onTrace,
  });
  const retried = new Set<string>();

  const channel = jobEventChannel({
    clock,
    random: seededRandom(seed, "events"),
    faultsUntil: scenario.faultsUntil,
    onFault: witness.fault,
    onAcknowledged: ({ event_id, job_id }) => {
      if (!runs.holds(runOfJob(job_id) ?? "", event_id))
        witness.violated("D5", `${event_id} of ${job_id} was acknowledged and is not stored`);
    },
  });
  const batch = batchWorld({
    clock,
    random: seededRandom(seed, "batch"),
    faultsUntil: scenario.faultsUntil,
    publish: channel.publish,
    usdPerHour: scenario.usdPerHour,
    onFault: witness.fault,
    onState: (jobId, state) => witness.trace(`job ${jobId} ${state}`),
    onSubmitted({ job_id, run_id, iteration, kind, attempt }, isNew) {
      witness.trace(`submit ${job_id} ${isNew ? "new" : "adopted"}`);
      const known = batch.jobs.get(job_id)?.spec;
      if (
        known !== undefined &&
        (known.run_id !== run_id ||
          known.iteration !== iteration ||
          known.kind !== kind ||
          known.attempt !== attempt)
      )
        witness.violated("D4", `${job_id} is the name of two jobs`);
      if (!isNew) return;
      const others = [...batch.jobs.values()].filter(
        ({ spec }) => spec.run_id === run_id && spec.iteration === iteration && spec.kind === kind,
      );
      if (others.some(isRunningJob))
        witness.violated("D4", `${job_id} was submitted while another attempt runs`);
      if (
        !retried.has(run_id) &&
        others.some(({ state, output_valid }) => state === "SUCCEEDED" && output_valid)
      )
        witness.violated(
          "D8",
          `${job_id} was submitted although another attempt has a good result`,
        );
      const { config } = runs.peek(run_id)?.document ?? {};
      if (
        scenario.usdPerHour !== null &&
        config?.max_gpu_cost_usd != null &&
        witness.spentBefore(job_id) >= config.max_gpu_cost_usd
      )
        witness.violated(
          "money",
          `${job_id} was submitted when ${witness.spentBefore(job_id)} of ${config.max_gpu_cost_usd} USD were spent`,
        );
      const state = witness.stateOf(run_id);
      if (state === "completed" || state === "cancelled" || state === "failed")
        witness.violated("D4", `${job_id} was submitted after the run was ${state}`);
    },
  });

  let setBy = 0;
  const world: World = {
    seed,
    scenario,
    clock,
    batch,
    channel,
    witness,
    setBy: () => setBy,
    clockOf: options.clockOf,
    openStore: () =>
      options.mutateStore === undefined ? runs.open() : options.mutateStore(runs.open()),
  };
  const daemons = new Map<number, SimulatedDaemon>();
  const incarnations = new Map<number, number>();
  const start = (daemon: number): void => {
    const incarnation = (incarnations.get(daemon) ?? 0) + 1;
    incarnations.set(daemon, incarnation);
    witness.trace(`start d${daemon}.${incarnation}`);
    const earlier = daemons.get(daemon)?.process.clock.standing();
    daemons.set(daemon, startDaemon(world, `d${daemon}.${incarnation}`, earlier));
  };
  const after = (ms: number, work: () => void): void => void clock.at(clock.now() + ms, work);
  const living = (): SimulatedDaemon[] =>
    [...daemons.values()].filter(({ process }) => process.alive);

  /**
   * A client of a daemon tries again, under the same name, until it hears that its request is
   * stored.
   */
  let openRequests = 0;
  const request = (
    what: string,
    send: (daemon: SimulatedDaemon) => Promise<unknown>,
    done: () => void,
    isDone: (code: string) => boolean,
  ): void => {
    openRequests += 1;
    const attempt = (): void => {
      let settled = false;
      const settle = (next: () => void): void => {
        if (settled) return;
        settled = true;
        next();
      };
      const again = (): void => settle(() => after(users.between(500, 5_000), attempt));
      const finish = (): void =>
        settle(() => {
          openRequests -= 1;
          witness.trace(`accepted ${what}`);
          done();
        });
      const [first, ...others] = living();
      if (first === undefined) return again();
      const daemon = users.pick([first, ...others]);
      daemon.process.later(
        users.between(1, 5),
        () =>
          void send(daemon).then(finish, (error: { code?: string }) =>
            isDone(error.code ?? "") ? finish() : again(),
          ),
      );
      after(CLIENT_TIMEOUT_MS, again);
    };
    attempt();
  };

  const cancelled = new Map<string, number>();
  const documentOf = ({ run_id, user_email, config }: PlannedRun) =>
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
    if (run.inserted === "outside") void runs.open().insert(documentOf(run));
    else
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

  let open = scenario.runs.length + scenario.actions.length;
  const plan = (at: number, work: () => void): void =>
    void clock.at(at, () => {
      open -= 1;
      work();
    });
  for (let daemon = 1; daemon <= scenario.daemons; daemon++) start(daemon);
  for (const run of scenario.runs) plan(run.at, () => insert(run));
  for (const [number, action] of scenario.actions.entries())
    plan(action.at, () => act(action, number));
  for (const { kind, daemon, at, ms } of scenario.troubles) {
    clock.at(at, () => {
      if (kind === "clock set back" || kind === "clock set forward") {
        const by = kind === "clock set back" ? -ms : ms;
        setBy += by;
        witness.trace(`${kind} by ${ms}`);
        witness.fault(kind);
        for (const { process } of daemons.values()) process.setClock(by);
        return;
      }
      const present = daemons.get(daemon);
      if (present?.process.alive !== true) return;
      witness.trace(`${kind} ${present.process.name}`);
      witness.fault(kind);
      if (living().length > 1) witness.fault("two daemons");
      if (kind === "stall") return present.process.stallUntil(clock.now() + ms);
      const gone = (): void => {
        if (!present.process.alive) return;
        present.process.kill();
        after(ms, () => start(daemon));
      };
      if (kind === "kill") return gone();
      void present.supervisor.stop().then(gone);
      after(CLIENT_TIMEOUT_MS, gone);
    });
  }

  const isAtRest = ({ run_id }: PlannedRun): boolean => {
    const record = runs.peek(run_id);
    const state = witness.stateOf(run_id);
    return (
      record !== undefined &&
      (state === "completed" || state === "failed" || state === "cancelled") &&
      record.inbox.length === 0 &&
      (record.lease?.expires_at ?? 0) <= clock.now() &&
      record.outbox.every((mail) => mail.state !== "owed")
    );
  };
  const allAtRest = (): boolean =>
    open === 0 && openRequests === 0 && scenario.runs.every(isAtRest);

  let steps = 0;
  const lastPlanned = Math.max(scenario.faultsUntil, ...scenario.actions.map(({ at }) => at));
  const advance = async (until: number, isDone: () => boolean): Promise<void> => {
    while (clock.now() < until && !isDone() && clock.step()) {
      steps += 1;
      await eventLoopTurn();
      await eventLoopTurn();
    }
  };
  await advance(lastPlanned + BOUND_MS, allAtRest);
  const finished = clock.now();
  for (const run of scenario.runs) {
    if (!isAtRest(run)) {
      const record = runs.peek(run.run_id);
      witness.violated(
        "end",
        `${run.run_id} is ${witness.stateOf(run.run_id)}, revision ${record?.revision}, lease ${JSON.stringify(record?.lease)}, inbox ${record?.inbox.length}, outbox ${record?.outbox.map(({ state }) => state).join(",")}`,
      );
    }
  }
  const revisions = (): string =>
    JSON.stringify(scenario.runs.map(({ run_id }) => runs.peek(run_id)?.revision));
  const ended = revisions();
  if (witness.violations.length === 0) await advance(finished + AFTERWARDS_MS, () => false);
  for (const { run_id } of scenario.runs) {
    const record = runs.peek(run_id);
    const cancelledAt = cancelled.get(run_id);
    const state = witness.stateOf(run_id);
    if (
      cancelledAt !== undefined &&
      state !== "cancelled" &&
      !(
        state === "completed" &&
        witness.changedAt(run_id) - cancelledAt < 2 * CLIENT_TIMEOUT_MS + 120_000
      )
    )
      witness.violated(
        "cancel",
        `${run_id} was cancelled at ${cancelledAt} and is ${state} since ${witness.changedAt(run_id)}`,
      );
    for (const { key, state: mailState } of record?.outbox ?? [])
      if (mailState === "sent" && witness.mailsOf(key) === 0)
        witness.violated("outbox", `${key} is recorded as sent and was not`);
  }
  for (const { run_id } of scenario.runs) {
    const error = runs.peek(run_id)?.document.error;
    if (error?.code === "GPU_BUDGET_SPENT") witness.fault("money spent");
    if (error?.message.includes("The simulated machine had its fault") === true)
      witness.violated("passing", `${run_id} failed for good: ${error.message}`);
  }
  if ([...batch.jobs.values()].some(isRunningJob)) witness.violated("D4", "a job still runs");
  witness.trace(`end ${ended} ${revisions()}`);
  for (const { process } of daemons.values()) process.kill();
  return {
    seed,
    violations: witness.violations,
    digest: witness.digest(),
    steps,
    virtual_seconds: (finished - scenario.start) / 1_000,
    faults: witness.faults(),
    ends: Object.fromEntries(
      scenario.runs.map(({ run_id }) => [run_id, witness.stateOf(run_id) ?? "never begun"]),
    ),
  };
}
