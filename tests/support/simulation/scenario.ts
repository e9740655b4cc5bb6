import type { RunConfig } from "../../../services/runs/document.ts";
import type { NetworkFaults } from "./network.ts";
import { seededRandom, type Random } from "./random.ts";

/**
 * What a seed decides beforehand: the runs, what people and other programs do, and what breaks
 * when. Times are milliseconds.
 */

export interface PlannedRun {
  readonly run_id: string;
  readonly user_email: string | null;
  readonly at: number;
  /** Inserted as `pending` by another program, or submitted through a daemon. */
  readonly inserted: "outside" | "through a daemon";
  readonly config: Partial<RunConfig>;
  readonly scores: readonly number[];
  readonly strategy: "synthetic_control" | "query_as_control";
}

export interface PlannedAction {
  readonly kind: "cancel" | "cancel outside" | "retry";
  readonly run_id: string;
  readonly at: number;
}

export interface PlannedTrouble {
  readonly kind: "kill" | "stall" | "drain" | "clock set back" | "clock set forward";
  readonly daemon: number;
  readonly at: number;
  /** How long the process is gone or stands still, or how far the clock is set. */
  readonly ms: number;
}

export interface Scenario {
  readonly start: number;
  readonly faultsUntil: number;
  readonly daemons: number;
  readonly pollMs: number;
  readonly leaseMs: number;
  readonly passivateMs: number;
  readonly maxActive: number;
  /** Of a GPU job, in US dollars; null where nothing is paid for. */
  readonly usdPerHour: number | null;
  readonly reconcileMs: number;
  readonly runs: readonly PlannedRun[];
  readonly actions: readonly PlannedAction[];
  readonly troubles: readonly PlannedTrouble[];
  readonly storeFaults: NetworkFaults;
  readonly serviceFaults: NetworkFaults;
}

const START = 1_800_000_000_000;
const MINUTE = 60_000;

const times = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));

function planRun(random: Random, index: number, span: number): PlannedRun {
  return {
    run_id: `run-${index + 1}`,
    user_email: random.chance(0.9) ? `user${random.between(1, 2)}@example.org` : null,
    at: START + random.between(0, span / 3),
    inserted: random.chance(0.4) ? "outside" : "through a daemon",
    config: {
      max_iterations: random.between(1, 3),
      job_deadline_seconds: random.between(120, 600),
      max_job_attempts: random.between(1, 3),
    },
    scores: times(3, () => random.between(3, 8)),
    strategy: random.chance(0.6) ? "synthetic_control" : "query_as_control",
  };
}

const HOUR = 60 * MINUTE;

/**
 * The clock of a machine is set. Daemons that share a store share the time, too: what becomes of
 * them where they do not is no part of the contract.
 */
function clockSteps(seed: number, daemons: number, span: number): PlannedTrouble[] {
  const random = seededRandom(seed, "clock");
  if (daemons > 1 || !random.chance(0.5)) return [];
  return times(random.between(1, 2), (): PlannedTrouble => ({
    kind: random.pick<PlannedTrouble["kind"]>(["clock set back", "clock set forward"]),
    daemon: 1,
    at: START + random.between(0, span),
    ms: random.pick([random.between(2_000, MINUTE), HOUR]),
  }));
}

export function planScenario(seed: number): Scenario {
  const random = seededRandom(seed, "scenario");
  const span = random.between(3, 25) * MINUTE;
  const faultsUntil = START + span;
  const leaseMs = random.between(10, 40) * 1_000;
  const money = seededRandom(seed, "money");
  const usdPerHour = money.chance(0.3) ? 60 : null;
  const rounds = seededRandom(seed, "rounds");
  const runs = times(random.between(1, 3), (index) => planRun(random, index, span)).map(
    ({ config, ...run }): PlannedRun => ({
      ...run,
      config: {
        ...config,
        control_job: rounds.pick(["together", "separate"]),
        ...(usdPerHour === null || money.chance(0.3)
          ? {}
          : { max_gpu_cost_usd: money.between(0, 8) }),
      },
    }),
  );
  const daemons = random.between(1, 2);
  const moment = (): number => START + random.between(0, span);
  const actions = runs.flatMap(({ run_id, at }): PlannedAction[] => [
    ...times(random.between(0, 2), (): PlannedAction => ({
      kind: "retry",
      run_id,
      at: at + random.between(0, span),
    })),
    ...(random.chance(0.4)
      ? [
          {
            kind: random.pick<PlannedAction["kind"]>(["cancel", "cancel outside"]),
            run_id,
            at: at + random.between(0, span),
          },
        ]
      : []),
  ]);
  const troubles = [
    ...times(random.between(0, 4), (): PlannedTrouble => ({
      kind: "kill",
      daemon: random.between(1, daemons),
      at: moment(),
      ms: random.between(100, 2 * MINUTE),
    })),
    ...times(random.between(0, 2), (): PlannedTrouble => ({
      kind: "stall",
      daemon: random.between(1, daemons),
      at: moment(),
      ms: random.between(1_000, 4 * leaseMs),
    })),
    ...times(random.between(0, 1), (): PlannedTrouble => ({
      kind: "drain",
      daemon: random.between(1, daemons),
      at: moment(),
      ms: random.between(100, MINUTE),
    })),
  ];
  const faults = (slowMs: number): NetworkFaults => ({
    until: faultsUntil,
    lostRequests: random.pick([0, 0.01, 0.05]),
    lostAnswers: random.pick([0, 0.01, 0.05]),
    slow: random.pick([0.01, 0.05]),
    slowMs,
    outages: times(random.between(0, 2), () => {
      const from = moment();
      return { from, to: from + random.between(1_000, 90_000) };
    }),
  });
  return {
    start: START,
    faultsUntil,
    daemons,
    pollMs: random.between(2, 12) * 1_000,
    leaseMs,
    passivateMs: random.pick([5_000, 30_000, 600_000]),
    maxActive: random.between(1, 3),
    usdPerHour,
    reconcileMs: random.between(10, 90) * 1_000,
    runs,
    actions,
    troubles: [...troubles, ...clockSteps(seed, daemons, span)],
    storeFaults: faults(random.pick([500, 5_000, 2 * leaseMs])),
    serviceFaults: faults(10_000),
  };
}
