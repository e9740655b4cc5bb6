import { HaystackError } from "../errors.ts";
import type { RunConfig, RunDocument } from "../services/runs/document.ts";
import type { RunStore } from "../services/runs/index.ts";
import { monthOf, monthStart } from "./month.ts";
import { usedInMonth } from "./removed-money.ts";

/** What an operator lets users ask for. */
export interface Ceilings {
  readonly MAX_QUEUED_RUNS_PER_USER: number;
  readonly MAX_ITERATIONS: number;
  readonly MAX_CELLS: number;
  readonly MAX_JOB_DEADLINE_SECONDS: number;
  /** US dollars. */
  readonly MAX_GPU_USD_PER_RUN: number;
  /** US dollars, of the runs that one user submitted in a calendar month (UTC). */
  readonly MAX_GPU_USD_PER_USER_MONTH: number;
  /** At the same time. */
  readonly MAX_GPU_JOBS?: number | undefined;
  readonly MAX_GPU_JOBS_PER_USER?: number | undefined;
}

const OF_CONFIG = {
  max_iterations: "MAX_ITERATIONS",
  prompt_cells: "MAX_CELLS",
  query_cells: "MAX_CELLS",
  job_deadline_seconds: "MAX_JOB_DEADLINE_SECONDS",
  max_gpu_cost_usd: "MAX_GPU_USD_PER_RUN",
} as const satisfies Partial<Record<keyof RunConfig, keyof Required<Ceilings>>>;

/** Error LIMIT_EXCEEDED, which names every setting of the run that asks for too much. */
export function checkCeilings(config: RunConfig, ceilings: Ceilings): void {
  const over = Object.entries(OF_CONFIG).flatMap(([name, ceiling]) => {
    const asked = config[name as keyof typeof OF_CONFIG];
    const most = ceilings[ceiling];
    return asked !== null && asked > most ? [{ name, asked, most, ceiling }] : [];
  });
  if (over.length === 0) return;
  const problems = over.map(
    ({ name, asked, most, ceiling }) => `${name} is ${asked} and may be ${most} (${ceiling})`,
  );
  throw new HaystackError(
    "LIMIT_EXCEEDED",
    `The operator of this server allows less than this run asks for: ${problems.join("; ")}.`,
    { details: { limits: over } },
  );
}

const nextMonth = (now: number): string => {
  const date = new Date(now);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)).toISOString();
};

/** Error QUOTA_REACHED, when the user of the run has as much in the store as one may. */
export async function checkQuota(
  runs: Pick<RunStore, "shared" | "usedBy">,
  { user_email }: Pick<RunDocument, "user_email">,
  ceilings: Ceilings,
  now: number,
): Promise<void> {
  const { queued, gpu_cost_usd } = await usedInMonth(runs, user_email, monthOf(now));
  const { MAX_QUEUED_RUNS_PER_USER: mostQueued, MAX_GPU_USD_PER_USER_MONTH: mostUsd } = ceilings;
  if (queued >= mostQueued)
    throw new HaystackError(
      "QUOTA_REACHED",
      `${queued} runs of this user wait to begin, and that is as many as may (MAX_QUEUED_RUNS_PER_USER); submit again when some have begun, or cancel some.`,
      { details: { limit: "MAX_QUEUED_RUNS_PER_USER", used: queued, allowed: mostQueued } },
    );
  if (gpu_cost_usd > 0 && gpu_cost_usd >= mostUsd)
    throw new HaystackError(
      "QUOTA_REACHED",
      `The runs that this user submitted this month have spent ${gpu_cost_usd.toFixed(2)} of ${mostUsd.toFixed(2)} USD on GPU jobs (MAX_GPU_USD_PER_USER_MONTH); submit again next month, or ask the operator for more.`,
      {
        details: {
          limit: "MAX_GPU_USD_PER_USER_MONTH",
          used: gpu_cost_usd,
          allowed: mostUsd,
          resets_at: nextMonth(now),
        },
      },
    );
}

/** A sentence when a run, or its user this month, has spent as much on GPU jobs as may be. */
export async function overspent(
  runs: Pick<RunStore, "get" | "shared" | "usedBy">,
  runId: string,
  asked: number | null,
  ceilings: Pick<Ceilings, "MAX_GPU_USD_PER_RUN" | "MAX_GPU_USD_PER_USER_MONTH">,
): Promise<string | null> {
  const document = (await runs.get(runId))?.document;
  if (document === undefined) return null;
  const spent = document.usage.gpu_cost_usd;
  const most = Math.min(asked ?? Number.POSITIVE_INFINITY, ceilings.MAX_GPU_USD_PER_RUN);
  const isAskedFor = asked !== null && asked <= ceilings.MAX_GPU_USD_PER_RUN;
  if (spent >= most)
    return `The run has spent ${spent.toFixed(2)} of ${most.toFixed(2)} USD on GPU jobs; ${
      isAskedFor
        ? "raise max_gpu_cost_usd to go on"
        : "the operator allows no more (MAX_GPU_USD_PER_RUN)"
    }.`;
  const { gpu_cost_usd } = await usedInMonth(runs, document.user_email, monthStart(document));
  const mostOfMonth = ceilings.MAX_GPU_USD_PER_USER_MONTH;
  return gpu_cost_usd >= mostOfMonth
    ? `The runs that its user submitted in the month of this run have spent ${gpu_cost_usd.toFixed(2)} of ${mostOfMonth.toFixed(2)} USD on GPU jobs; the operator allows no more (MAX_GPU_USD_PER_USER_MONTH).`
    : null;
}
