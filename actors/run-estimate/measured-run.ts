import type { JobRecord } from "../../machines/run-types.ts";
import type { RunRecord, TransitionEntry } from "../../services/runs/index.ts";
import { storedContext } from "../run-details.ts";
import { pairsMade } from "./pairs-made.ts";

/** What a completed run tells of the next one. */
export interface MeasuredRun {
  /** Of what predicted. */
  readonly model: string;
  /** Of its jobs; empty where nothing was paid for. */
  readonly machines: readonly string[];
  readonly iterations: number;
  readonly may_have_iterated: number;
  readonly score_threshold: number;
  /** Null where its log does not tell it. */
  readonly seconds: MeasuredSeconds | null;
  /** Null where every prediction was found. */
  readonly jobs: MeasuredJobs | null;
  readonly model_tokens: number;
  /** US dollars, an iteration. */
  readonly model_usd: number;
}

interface MeasuredSeconds {
  /** An iteration, without predicting. */
  readonly between: number;
  /** An iteration that had jobs: until they had machines, and until it was known that they ended. */
  readonly waiting: number;
}

interface MeasuredJobs {
  /** That were not found: of all iterations. */
  readonly pairs: number;
  /** That had several attempts are one. */
  readonly jobs: number;
  /** Of all attempts, those that were lost too: what is paid for. */
  readonly seconds: number;
}

/** What is of no state of a run that works: it waits for admission or for its user. */
const RESTS = /^(?:queued|failed|completed|cancelled|cancelling)\b/;

/** Seconds that the run spent in the states that predict, and in others that work. */
function timesOf(history: readonly TransitionEntry[]) {
  const entries = history.filter(({ actor }) => actor === "run");
  let [inferring, other] = [0, 0];
  for (const [place, { at, to }] of entries.entries()) {
    const next = entries[place + 1];
    if (next === undefined || RESTS.test(to)) continue;
    const seconds = Math.max(0, next.at - at) / 1_000;
    if (to.startsWith("inferring")) inferring += seconds;
    else other += seconds;
  }
  return { inferring, other };
}

const secondsOf = (jobs: readonly JobRecord[]): number =>
  jobs.reduce((total, { run_seconds }) => total + (run_seconds ?? 0), 0);

export function measuredRun(
  { document, snapshot, damage }: Pick<RunRecord, "document" | "snapshot" | "damage">,
  history: readonly TransitionEntry[],
): MeasuredRun | null {
  if (damage !== undefined) return null;
  const { iterations, config, usage } = document;
  const model = iterations.at(-1)?.model?.name;
  if (model === undefined) return null;
  const ran = (storedContext(snapshot).jobs ?? []).filter(
    ({ run_seconds }) => run_seconds !== null,
  );
  const byJob = Map.groupBy(ran, ({ iteration, kind }) => `${iteration} ${kind}`);
  const byIteration = Map.groupBy(byJob.values(), ([first]) => first?.iteration);
  const longest = [...byIteration.values()].reduce(
    (total, sideBySide) => total + Math.max(...sideBySide.map(secondsOf)),
    0,
  );
  const times = timesOf(history);
  const pairs = iterations.reduce(
    (total, each) => total + pairsMade(each, document.control_strategy_effective),
    0,
  );
  return {
    model,
    machines: [...new Set(ran.flatMap(({ offer }) => offer?.machine ?? []))],
    iterations: iterations.length,
    may_have_iterated: config.max_iterations,
    score_threshold: config.score_threshold,
    seconds:
      times.other > 0
        ? {
            between: times.other / iterations.length,
            waiting: Math.max(0, times.inferring - longest) / Math.max(1, byIteration.size),
          }
        : null,
    jobs: byJob.size > 0 && pairs > 0 ? { pairs, jobs: byJob.size, seconds: secondsOf(ran) } : null,
    model_tokens: usage.llm_tokens,
    model_usd: usage.llm_cost_usd / iterations.length,
  };
}
