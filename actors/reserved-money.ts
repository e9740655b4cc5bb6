import { createHash } from "node:crypto";
import type { JobRecord } from "../machines/run-types.ts";
import type { RunRecord } from "../services/runs/index.ts";
import { monthStart } from "./month.ts";
import type { StepPorts } from "./ports.ts";
import { usedInMonth } from "./removed-money.ts";
import { storedContext } from "./run-details.ts";

/** A job that is to begin, with what it costs at its limit. */
interface Wanted {
  readonly run_id: string;
  readonly job_id: string;
  /** US dollars. */
  readonly at_limit: number;
  /** US dollars. */
  readonly most_of_run: number;
}

type Begun = Pick<Wanted, "run_id" | "job_id" | "at_limit">;

/** US dollars that a job costs when it runs for as long as it may. */
export const costAtLimit = (
  offer: Pick<NonNullable<JobRecord["offer"]>, "usd_per_hour"> | null,
  deadlineSeconds: number,
): number => ((offer?.usd_per_hour ?? 0) * deadlineSeconds) / 3_600;

const sumOf = (begun: readonly Begun[]): number =>
  begun.reduce((sum, { at_limit }) => sum + at_limit, 0);

/** Others who decide for the same user at the same moment are heard so often. */
const MOST_TURNS = 50;

/**
 * Keeps what runs and users may spend for the jobs that are under way, over all daemons of a store:
 * a job that may begin is noted in it before it does, by compare-and-set against all that others
 * noted, and counts until its run is known to have submitted it.
 *
 * It answers with a sentence when what is spent and what jobs under way may yet cost leaves none
 * for the job, which is to wait for them; null: it may begin.
 */
export function moneyReserved({
  runs,
  ceilings,
}: Pick<StepPorts, "runs" | "ceilings">): (wanted: Wanted) => Promise<string | null> {
  const most = ceilings.MAX_GPU_USD_PER_USER_MONTH;
  let turn: Promise<unknown> = Promise.resolve();

  /** Those that the store does not know as submitted. */
  const unseen = async (others: readonly Begun[]): Promise<Begun[]> => {
    const records = new Map<string, RunRecord | undefined>();
    for (const { run_id } of others)
      if (!records.has(run_id)) records.set(run_id, await runs.get(run_id));
    return others.filter(({ run_id, job_id }) => {
      const record = records.get(run_id);
      const job = storedContext(record?.snapshot ?? null).jobs?.find(
        (known) => known.job_id === job_id,
      );
      return record?.document.status === "running" && job?.state === "submitting";
    });
  };

  const decide = async (wanted: Wanted): Promise<string | null> => {
    if (Math.min(most, wanted.most_of_run) === Number.POSITIVE_INFINITY) return null;
    for (let turns = 0; turns < MOST_TURNS; turns += 1) {
      const record = await runs.get(wanted.run_id);
      if (record === undefined) return null;
      const name = nameOf(record);
      const { revision, value } = await runs.shared.get(name);
      const noted = ((value ?? []) as readonly Begun[]).filter(
        ({ job_id }) => job_id !== wanted.job_id,
      );
      const others = await unseen(noted);
      const why = ofRun(record, wanted, others) ?? (await ofMonth(record, others));
      if (why !== null) return why;
      const { run_id, job_id, at_limit } = wanted;
      if (await runs.shared.replace(name, revision, [...others, { run_id, job_id, at_limit }]))
        return null;
    }
    return "The job waits for others of its user that are decided on at this moment.";
  };

  const ofMonth = async ({ document }: RunRecord, others: readonly Begun[]) => {
    if (most === Number.POSITIVE_INFINITY) return null;
    const used = await usedInMonth(runs, document.user_email, monthStart(document));
    const reserved = used.gpu_reserved_usd + sumOf(others);
    return reserved === 0 || used.gpu_cost_usd + reserved < most
      ? null
      : `The job waits for others of its user: what the runs of this month have spent and what their jobs under way may yet cost come to the ${most.toFixed(2)} USD that the operator allows (MAX_GPU_USD_PER_USER_MONTH).`;
  };

  return (wanted) => {
    const mine = turn.then(() => decide(wanted));
    turn = mine.then(
      () => undefined,
      () => undefined,
    );
    return mine;
  };
}

/** Of the jobs of a user's runs of a month; without the address. */
const nameOf = ({ document }: RunRecord): string =>
  `money/${monthStart(document)}/${createHash("sha256")
    .update(JSON.stringify(document.user_email))
    .digest("hex")}`;

function ofRun(
  { document, snapshot }: RunRecord,
  { run_id, job_id, most_of_run }: Wanted,
  unseen: readonly Begun[],
): string | null {
  const { job_deadline_seconds } = document.config;
  const submitted = (storedContext(snapshot).jobs ?? [])
    .filter((other) => other.state === "submitted" && other.job_id !== job_id)
    .reduce((sum, { offer }) => sum + costAtLimit(offer, job_deadline_seconds), 0);
  const reserved = submitted + sumOf(unseen.filter((other) => other.run_id === run_id));
  return reserved === 0 || document.usage.gpu_cost_usd + reserved < most_of_run
    ? null
    : `The job waits for another one of the run, as both together may cost more than the ${most_of_run.toFixed(2)} USD that the run may spend.`;
}
