import type { ActorNode } from "../../actors/inspection/actor-tree.ts";
import type { CheckTrouble } from "../../machines/run-types.ts";
import type { StuckRun } from "../../services/runs/index.ts";

export const STUCK_REASONS = [
  "lease_expired",
  "wake_up_overdue",
  "event_waiting",
  "unclaimed",
  "job_unknown",
  "job_postponed",
  "check_failing",
  "step_postponed",
  "many_failures",
  "mail_rejected",
] as const;

export interface StuckReason {
  readonly reason: (typeof STUCK_REASONS)[number];
  /** Milliseconds; null where no moment is known. */
  readonly since: number | null;
  readonly detail: string;
}

/** An inference job that a run waits for. Milliseconds. */
export interface WaitedJob {
  readonly job_id: string;
  readonly submitted_at: number;
}

/** Failed attempts of a run from which on somebody should look. */
const MANY_FAILURES = 3;

interface JobContext {
  readonly job?: {
    readonly job_id?: string;
    readonly state?: string;
    readonly problem?: string | null;
  };
  readonly submitted_at?: number;
  readonly troubled_since?: number | null;
  readonly trouble?: CheckTrouble | null;
}

/** The child machines of the run that have an inference job. */
const jobContexts = ({ context, children }: ActorNode): JobContext[] => [
  ...("job" in context ? [context as JobContext] : []),
  ...children.flatMap(jobContexts),
];

/** The jobs that child machines of the run have submitted and not yet seen the end of. */
export const waitedJobs = (actors: ActorNode): WaitedJob[] =>
  jobContexts(actors).flatMap(({ job, submitted_at = 0 }) =>
    job?.state === "submitted" && job.job_id !== undefined
      ? [{ job_id: job.job_id, submitted_at }]
      : [],
  );

const failures = ({ context }: ActorNode): number =>
  ((context as { jobs?: readonly { readonly failure?: unknown }[] }).jobs ?? []).filter(
    ({ failure }) => typeof failure === "string",
  ).length;

/**
 * Why somebody should look at a run; `before` is the moment from which on waiting is too long.
 * Milliseconds.
 */
export function stuckReasons(
  { record, event_since }: StuckRun,
  actors: ActorNode | null,
  unknownJobs: readonly WaitedJob[],
  before: number,
): StuckReason[] {
  const { document, lease, wake_at, outbox } = record;
  const found: StuckReason[] = [];
  const updated = Date.parse(document.updated_at);
  const isRunning = document.status === "running";
  const add = (reason: StuckReason["reason"], since: number | null, detail: string): void =>
    void found.push({ reason, since, detail });
  if (lease !== null && lease.expires_at <= before)
    add(
      "lease_expired",
      lease.expires_at,
      `${lease.owner} no longer renews its lease, and no daemon has taken the run up.`,
    );
  if (wake_at !== null && wake_at <= before)
    add(
      "wake_up_overdue",
      wake_at,
      "The time that the run waits for has passed, and it was not resumed.",
    );
  if (event_since !== null && event_since <= before)
    add(
      "event_waiting",
      event_since,
      "An event is stored for the run, and no daemon has processed it.",
    );
  if (isRunning && lease === null && wake_at === null && event_since === null && updated <= before)
    add("unclaimed", updated, "The run has work to do, and no daemon has taken it up.");
  for (const { job_id, submitted_at } of unknownJobs)
    add("job_unknown", submitted_at, `Batch does not know the job ${job_id}.`);
  for (const { job, troubled_since, trouble } of actors === null || !isRunning
    ? []
    : jobContexts(actors)) {
    const id = job?.job_id ?? "";
    if (troubled_since != null && troubled_since <= before)
      add(
        "job_postponed",
        troubled_since,
        `Batch does not accept the job ${id}: ${job?.problem ?? "no reason was given"}`,
      );
    if (trouble != null && trouble.since <= before)
      add(
        "check_failing",
        trouble.since,
        `The job ${id} cannot be checked (${trouble.code}): ${trouble.message}`,
      );
  }
  const { postponed } = document;
  if (isRunning && postponed !== undefined && Date.parse(postponed.since) <= before)
    add(
      "step_postponed",
      Date.parse(postponed.since),
      `The step ${postponed.step} is tried again at ${postponed.try_at} (${postponed.code}): ${postponed.message}`,
    );
  const failed = actors === null || !isRunning ? 0 : failures(actors);
  if (failed >= MANY_FAILURES)
    add("many_failures", null, `${failed} attempts at its inference jobs have failed.`);
  for (const mail of outbox)
    if (mail.state === "rejected")
      add(
        "mail_rejected",
        null,
        `The mail ${mail.key} was rejected: ${mail.problem ?? "no reason was given"}`,
      );
  return found;
}
