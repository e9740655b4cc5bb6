import { runOfJob } from "../../../machines/job-id.ts";
import type { SteadyClock, TimeSource } from "../../../services/clock/steady.ts";
import type { RunStore } from "../../../services/runs/index.ts";
import { memoryRuns } from "../memory-runs.ts";
import { batchWorld, isRunningJob } from "./batch-world.ts";
import { crowdWatch } from "./crowd-watch.ts";
import { createDaemons } from "./daemons.ts";
import { jobEventChannel } from "./job-event-channel.ts";
import { judgement } from "./judgement.ts";
import { createOperator } from "./operator.ts";
import { seededRandom } from "./random.ts";
import { planScenario } from "./scenario.ts";
import type { World } from "./simulated-daemon.ts";
import { judgeSubmission } from "./submissions.ts";
import { HOUR, MINUTE } from "./time-line.ts";
import { createUsers } from "./users.ts";
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
const BOUND_MS = 3 * HOUR;
/** Afterwards nothing may happen any more. */
const AFTERWARDS_MS = 5 * MINUTE;
/** What is under way of a crowd's mails ends before that. */
const LONGEST_STOP_MS = 10_000;
/** From when a process ends for a run that it takes up until the next one starts. */
const RESTART_MS = { least: 100, most: 20_000 };

const eventLoopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One world from one seed, run to its end. The same seed gives the same digest. */
export async function simulate(
  seed: number,
  { mutateStore = (store) => store, clockOf, onTrace }: SimulationOptions = {},
): Promise<SimulationResult> {
  const scenario = planScenario(seed);
  const { faultsUntil, usdPerHour, runs: planned, actions } = scenario;
  const clock = virtualClock(scenario.start);
  const restarts = seededRandom(seed, "restarts");
  const runs = memoryRuns({
    onCommitted: (commit, before, after) => witness.committed(commit, before, after),
    isGone: (owner) => daemons.living().every(({ process }) => process.name !== owner),
  });
  const witness = createWitness({
    now: () => clock.now(),
    stored: runs.peek,
    mostWorking: scenario.maxActive + scenario.daemons - 1,
    liveJobs: (runId) =>
      [...batch.jobs.values()]
        .filter((job) => job.spec.run_id === runId && isRunningJob(job))
        .map(({ spec }) => spec.job_id),
    onTrace,
  });
  const channel = jobEventChannel({
    clock,
    random: seededRandom(seed, "events"),
    faultsUntil,
    onFault: witness.fault,
    onAcknowledged: ({ event_id, job_id }) => {
      if (!runs.holds(runOfJob(job_id) ?? "", event_id))
        witness.violated("D5", `${event_id} of ${job_id} was acknowledged and is not stored`);
    },
  });
  const batch = batchWorld({
    clock,
    random: seededRandom(seed, "batch"),
    faultsUntil,
    publish: channel.publish,
    usdPerHour,
    onFault: witness.fault,
    pairs: seededRandom(seed, "pairs"),
    onRepeated: (pair) => witness.violated("D4", `${pair} was predicted again after it was stored`),
    onState: (jobId, state) => witness.trace(`job ${jobId} ${state}`),
    onSubmitted: (spec, isNew) =>
      judgeSubmission(
        {
          jobs: () => batch.jobs,
          runs,
          isPaidFor: usdPerHour !== null,
          hasRetried: (runId) => users.hasRetried(runId),
          witness,
        },
        spec,
        isNew,
      ),
  });

  const world: World = {
    seed,
    scenario,
    clock,
    batch,
    channel,
    witness,
    crowd: crowdWatch(witness.violated),
    setBy: () => daemons.setBy(),
    clockOf,
    openStore: () => mutateStore(runs.open()),
    takesUp(process, runId) {
      if (operator.endsProcess(runId))
        daemons.end(process, restarts.between(RESTART_MS.least, RESTART_MS.most));
    },
  };
  const daemons = createDaemons({
    clock,
    count: scenario.daemons,
    witness,
    longestStopMs: scenario.crowded ? LONGEST_STOP_MS : null,
    world: () => world,
  });
  const operator = createOperator({
    clock,
    timeOfDay: () => daemons.living()[0]?.process.clock.now() ?? clock.now(),
    random: seededRandom(seed, "operator"),
    runs,
    planned,
    batch,
    witness,
    deaths: daemons.deaths,
    faultsUntil,
  });
  const users = createUsers({
    clock,
    random: seededRandom(seed, "users"),
    runs,
    planned,
    actions,
    witness,
    living: daemons.living,
  });
  const end = judgement({ now: () => clock.now(), planned, runs, batch, users, witness });

  daemons.startAll(scenario.troubles);
  users.start();
  operator.start();

  let steps = 0;
  const advance = async (until: number, isDone: () => boolean): Promise<void> => {
    while (clock.now() < until && !isDone() && clock.step()) {
      steps += 1;
      await eventLoopTurn();
      await eventLoopTurn();
    }
  };
  const revisions = (): string =>
    JSON.stringify(planned.map(({ run_id }) => runs.peek(run_id)?.revision));

  const lastPlanned = Math.max(
    faultsUntil,
    scenario.shortage?.to ?? 0,
    ...actions.map(({ at }) => at),
  );
  await advance(lastPlanned + BOUND_MS, end.allAtRest);
  const finished = clock.now();
  end.ofRest();
  const ended = revisions();
  if (witness.violations.length === 0) await advance(finished + AFTERWARDS_MS, () => false);
  end.ofEnds();
  witness.trace(`end ${ended} ${revisions()}`);
  daemons.killAll();
  return {
    seed,
    violations: witness.violations,
    digest: witness.digest(),
    steps,
    virtual_seconds: (finished - scenario.start) / 1_000,
    faults: witness.faults(),
    ends: Object.fromEntries(
      planned.map(({ run_id }) => [run_id, witness.stateOf(run_id) ?? "never begun"]),
    ),
  };
}
