import type { NetworkFaults } from "./network.ts";
import {
  planActions,
  planCrowd,
  planRuns,
  type PlannedAction,
  type PlannedRun,
} from "./planned-runs.ts";
import {
  drainOf,
  planShortage,
  planTroubles,
  type PlannedTrouble,
  type Shortage,
} from "./planned-troubles.ts";
import { seededRandom } from "./random.ts";
import { MINUTE, START, times } from "./time-line.ts";

/**
 * What a seed decides beforehand: the runs, what people and other programs do, and what breaks
 * when. Times are milliseconds.
 */

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
  readonly shortage: Shortage | null;
  /** Many runs are cancelled at once, and each mail takes its time. */
  readonly crowded: boolean;
  readonly storeFaults: NetworkFaults;
  readonly serviceFaults: NetworkFaults;
}

const CALM: Omit<NetworkFaults, "until"> = {
  lostRequests: 0,
  lostAnswers: 0,
  slow: 0,
  slowMs: 10,
  outages: [],
};

export function planScenario(seed: number): Scenario {
  const random = seededRandom(seed, "scenario");
  const span = random.between(3, 25) * MINUTE;
  const faultsUntil = START + span;
  const leaseMs = random.between(10, 40) * 1_000;
  const { runs, usdPerHour } = planRuns(seed, random, span);
  const daemons = random.between(1, 2);
  const actions = planActions(random, runs, span);
  const troubles = planTroubles(seed, random, { daemons, span, leaseMs });
  const faults = (slowMs: number): NetworkFaults => ({
    until: faultsUntil,
    lostRequests: random.pick([0, 0.01, 0.05]),
    lostAnswers: random.pick([0, 0.01, 0.05]),
    slow: random.pick([0.01, 0.05]),
    slowMs,
    outages: times(random.between(0, 2), () => {
      const from = START + random.between(0, span);
      return { from, to: from + random.between(1_000, 90_000) };
    }),
  });
  const scenario: Scenario = {
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
    troubles,
    shortage: planShortage(seed, daemons, span),
    crowded: false,
    storeFaults: faults(random.pick([500, 5_000, 2 * leaseMs])),
    serviceFaults: faults(10_000),
  };
  const crowds = seededRandom(seed, "crowds");
  return crowds.chance(0.06) ? crowded(scenario, crowds, span) : scenario;
}

/** Nothing but its own weight is in the crowd's way, and sometimes the stop of its daemon. */
function crowded(scenario: Scenario, random: ReturnType<typeof seededRandom>, span: number) {
  const crowd = planCrowd(random, span);
  const at = crowd.actions[0]?.at ?? START;
  return {
    ...scenario,
    daemons: 1,
    runs: [...scenario.runs.filter(({ bad }) => bad === undefined), ...crowd.runs],
    actions: [
      ...scenario.actions.filter(({ run_id }) => !run_id.startsWith("bad-")),
      ...crowd.actions,
    ],
    troubles: random.chance(0.5) ? [drainOf(random, at)] : [],
    shortage: null,
    crowded: true,
    storeFaults: { ...CALM, until: scenario.faultsUntil },
    serviceFaults: { ...CALM, until: scenario.faultsUntil },
  };
}
