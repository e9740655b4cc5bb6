import type { RunConfig } from "../../../services/runs/document.ts";
import type { RecordDamage } from "../memory-runs.ts";
import { seededRandom, type Random } from "./random.ts";
import { MINUTE, START, times } from "./time-line.ts";

/** The runs of a world, and what people and other programs do to them. Times are milliseconds. */

export interface PlannedRun {
  readonly run_id: string;
  readonly user_email: string | null;
  readonly at: number;
  /** Inserted as `pending` by another program, or submitted through a daemon. */
  readonly inserted: "outside" | "through a daemon";
  readonly config: Partial<RunConfig>;
  readonly scores: readonly number[];
  readonly strategy: "synthetic_control" | "query_as_control";
  readonly bad?: BadRun;
}

/** From a time on its record is damaged, or the process that takes it up ends. */
export interface BadRun {
  readonly at: number;
  readonly does: RecordDamage | { readonly part: "process" };
}

export interface PlannedAction {
  readonly kind: "cancel" | "cancel outside" | "retry";
  readonly run_id: string;
  readonly at: number;
}

/** The user whose runs are cancelled all at once, and one whose only run is cancelled then, too. */
export const CROWD = "crowd@example.org";
export const BESIDE_CROWD = "beside@example.org";

type Fields = Readonly<Record<string, unknown>>;
const SNAPSHOTS = ['{"value":', '"analyzing"', '{"value":"nowhere","context":{}}', "[]"] as const;
const FIELDS: readonly [Fields, ...Fields[]] = [
  { iterations: "none" },
  { created_at: "the day before yesterday", usage: null },
  { config: { max_iterations: -1 } },
  { query: 7, grounding_scores: {} },
];

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

/** Prompts side by side share one job. */
function planRound(
  rounds: Random,
  prompts: Random,
): Pick<RunConfig, "control_job" | "prompts_per_round"> {
  const control_job = rounds.pick(["together", "separate"] as const);
  return control_job === "separate"
    ? { control_job }
    : { control_job, prompts_per_round: prompts.pick([1, 2, 4]) };
}

function planBad(random: Random, { at }: PlannedRun, span: number): BadRun {
  const does = random.pick<BadRun["does"]>([
    { part: "snapshot", text: random.pick(SNAPSHOTS) },
    { part: "document", fields: random.pick(FIELDS) },
    { part: "writes" },
    { part: "process" },
    { part: "process" },
  ]);
  return { at: at + random.between(0, span / 2), does };
}

/** `usdPerHour`: of a GPU job; some runs have little of it to spend. */
export function planRuns(seed: number, random: Random, span: number) {
  const money = seededRandom(seed, "money");
  const usdPerHour = money.chance(0.3) ? 60 : null;
  const rounds = seededRandom(seed, "rounds");
  const prompts = seededRandom(seed, "prompts");
  const planned = times(random.between(1, 3), (index) => planRun(random, index, span)).map(
    ({ config, ...run }): PlannedRun => ({
      ...run,
      config: {
        ...config,
        ...planRound(rounds, prompts),
        ...(usdPerHour === null || money.chance(0.3)
          ? {}
          : { max_gpu_cost_usd: money.between(0, 8) }),
      },
    }),
  );
  const records = seededRandom(seed, "records");
  const runs = planned.flatMap((run): PlannedRun[] => {
    if (run.run_id !== "run-1" || !records.chance(0.35)) return [run];
    const beside = { ...planRun(records, planned.length, span), run_id: "bad-1" };
    return [run, { ...beside, bad: planBad(records, beside, span) }];
  });
  return { runs, usdPerHour };
}

export const planActions = (
  random: Random,
  runs: readonly PlannedRun[],
  span: number,
): PlannedAction[] =>
  runs.flatMap(({ run_id, at }): PlannedAction[] => [
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

/** So many runs of one user, which that user cancels all at once. */
export function planCrowd(
  random: Random,
  span: number,
): { readonly runs: readonly PlannedRun[]; readonly actions: readonly PlannedAction[] } {
  const at = START + random.between(MINUTE, Math.max(MINUTE, span / 2));
  const kind = random.pick<PlannedAction["kind"]>(["cancel", "cancel outside"]);
  const of = (run_id: string, user_email: string): PlannedRun => ({
    ...planRun(random, 0, span),
    run_id,
    user_email,
    at: at - random.between(1_000, 5_000),
    inserted: "outside",
  });
  const runs = [
    ...times(random.between(60, 100), (index) => of(`crowd-${index + 1}`, CROWD)),
    of("beside-1", BESIDE_CROWD),
  ];
  return { runs, actions: runs.map(({ run_id }) => ({ kind, run_id, at })) };
}
