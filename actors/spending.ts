import type { RunDocument } from "../services/runs/document.ts";
import type { RunStore } from "../services/runs/index.ts";
import { storedContext } from "./run-details.ts";

interface Share {
  /** How many runs had a part in it. */
  readonly runs: number;
  readonly usd: number;
}

/** What runs have cost; each of the three adds up to the same. US dollars, the dearest first. */
export interface Spending {
  /** By the day (UTC, ISO 8601) on which the run was asked, in the order of time. */
  readonly by_day: readonly (Share & { readonly day: string })[];
  readonly by_user: readonly (Share & { readonly user_email: string | null })[];
  /** By machine type and provisioning of the GPU jobs, and the language model. */
  readonly by_offer: readonly (Share & { readonly offer: string })[];
  /** False where there were more runs than are looked at: the oldest are left out. */
  readonly is_whole: boolean;
}

const PAGE = 200;
const MOST_RUNS = 5_000;
const LANGUAGE_MODEL = "language model";
const NOT_ON_RECORD = "not on record";
/** Sums of the same amounts in another order differ by less. US dollars. */
const NOTHING = 1e-6;

/** Other programs write amounts, too; what is too much to be shown is as much as can be. */
const plus = (one: number, other: number): number =>
  Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, one + other));

function sums<Key>() {
  const found = new Map<Key, { readonly runs: Set<string>; usd: number }>();
  return {
    add(key: Key, runId: string, usd: number): void {
      const share = found.get(key) ?? { runs: new Set<string>(), usd: 0 };
      share.runs.add(runId);
      share.usd = plus(share.usd, usd);
      found.set(key, share);
    },
    shares: () =>
      [...found]
        .map(([key, { runs, usd }]) => ({ key, runs: runs.size, usd }))
        .toSorted((a, b) => b.usd - a.usd),
  };
}

/** What was paid for in a run, by name; together what it has cost. */
async function offersOf(
  runs: Pick<RunStore, "get">,
  { run_id, usage }: RunDocument,
): Promise<[string, number][]> {
  const found: [string, number][] = [];
  let left = usage.gpu_cost_usd;
  if (left > 0)
    for (const { offer, cost_usd } of storedContext((await runs.get(run_id))?.snapshot ?? null)
      .jobs ?? []) {
      if (offer == null || !(cost_usd > 0)) continue;
      found.push([`${offer.machine} (${offer.provisioning})`, cost_usd]);
      left -= cost_usd;
    }
  if (Math.abs(left) > NOTHING) found.push([NOT_ON_RECORD, left]);
  if (usage.llm_cost_usd > 0) found.push([LANGUAGE_MODEL, usage.llm_cost_usd]);
  return found;
}

/**
 * Runs asked since that time (ISO 8601). Looks at each of them, the newest 5,000 at most. Errors:
 * STORE_UNAVAILABLE.
 */
export async function spendingSince(
  runs: Pick<RunStore, "list" | "get">,
  since: string,
  mostRuns = MOST_RUNS,
): Promise<Spending> {
  const [days, users, offers] = [sums<string>(), sums<string | null>(), sums<string>()];
  let looked = 0;
  let before: RunDocument | undefined;
  for (;;) {
    const page = await runs.list({
      created_from: since,
      limit: Math.min(PAGE, mostRuns - looked + 1),
      ...(before === undefined ? {} : { before }),
    });
    const counted = page.slice(0, mostRuns - looked);
    for (const run of counted) {
      const usd = plus(run.usage.gpu_cost_usd, run.usage.llm_cost_usd);
      if (usd <= 0) continue;
      days.add(run.created_at.slice(0, "2026-01-01".length), run.run_id, usd);
      users.add(run.user_email, run.run_id, usd);
      for (const [offer, cost] of await offersOf(runs, run)) offers.add(offer, run.run_id, cost);
    }
    looked += counted.length;
    before = page.at(-1);
    const isWhole = counted.length === page.length;
    if (isWhole && before !== undefined) continue;
    return {
      by_day: days
        .shares()
        .map(({ key: day, ...share }) => ({ day, ...share }))
        .toSorted((a, b) => a.day.localeCompare(b.day)),
      by_user: users.shares().map(({ key: user_email, ...share }) => ({ user_email, ...share })),
      by_offer: offers.shares().map(({ key: offer, ...share }) => ({ offer, ...share })),
      is_whole: isWhole,
    };
  }
}
