import type { JobRecord } from "../machines/run-types.ts";
import type { RunRecord } from "../services/runs/index.ts";
import { monthStart } from "./ceilings.ts";
import type { StepPorts } from "./ports.ts";
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

interface Begun extends Wanted {
  readonly user_email: string | null;
}

/** US dollars that a job costs when it runs for as long as it may. */
export const costAtLimit = (
  offer: Pick<NonNullable<JobRecord["offer"]>, "usd_per_hour"> | null,
  deadlineSeconds: number,
): number => ((offer?.usd_per_hour ?? 0) * deadlineSeconds) / 3_600;

const sumOf = (begun: readonly Begun[]): number =>
  begun.reduce((sum, { at_limit }) => sum + at_limit, 0);

/**
 * Keeps what runs and users may spend for the jobs that are under way. One job is decided on after
 * the other, and counts from then on: what the store knows of it comes later. Other daemons see
 * only that.
 *
 * It answers with a sentence when what is spent and what jobs under way may yet cost leaves none
 * for the job, which is to wait for them; null: it may begin.
 */
export function moneyReserved({
  runs,
  ceilings,
}: Pick<StepPorts, "runs" | "ceilings">): (wanted: Wanted) => Promise<string | null> {
  const begun = new Map<string, Begun>();
  let turn: Promise<unknown> = Promise.resolve();

  /** Those that the store does not know as submitted. */
  const unseen = async (wanted: Wanted, user_email: string | null): Promise<Begun[]> => {
    const others = [...begun.values()].filter(
      (other) => other.user_email === user_email && other.job_id !== wanted.job_id,
    );
    const records = new Map<string, RunRecord | undefined>();
    for (const { run_id } of others)
      if (!records.has(run_id)) records.set(run_id, await runs.get(run_id));
    return others.filter(({ run_id, job_id }) => {
      const record = records.get(run_id);
      const job = storedContext(record?.snapshot ?? null).jobs?.find(
        (known) => known.job_id === job_id,
      );
      const isUnseen = record?.document.status === "running" && job?.state === "submitting";
      if (!isUnseen) begun.delete(job_id);
      return isUnseen;
    });
  };

  const decide = async (wanted: Wanted): Promise<string | null> => {
    const record = await runs.get(wanted.run_id);
    if (record === undefined) return null;
    const { user_email } = record.document;
    const others = await unseen(wanted, user_email);
    const why = ofRun(record, wanted, others) ?? (await ofMonth(record, others));
    if (why === null) begun.set(wanted.job_id, { ...wanted, user_email });
    return why;
  };

  const ofMonth = async ({ document }: RunRecord, others: readonly Begun[]) => {
    const most = ceilings.MAX_GPU_USD_PER_USER_MONTH;
    if (most === Number.POSITIVE_INFINITY) return null;
    const used = await runs.usedBy(document.user_email, monthStart(document));
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
