import { z } from "zod";
import type { ActorNode } from "./inspection/actor-tree.ts";
import type { JobPlace } from "../services/batch/index.ts";
import type { StuckRun } from "../services/runs/index.ts";

export const STUCK_REASONS = [
  "record_unreadable",
  "set_aside",
  "lease_expired",
  "wake_up_overdue",
  "event_waiting",
  "unclaimed",
  "job_unknown",
  "job_postponed",
  "job_held",
  "check_failing",
  "step_postponed",
  "stop_failing",
  "stop_unconfirmed",
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
  readonly offer?: Partial<JobPlace> | null;
}

/** Failed attempts of a run from which on somebody should look. */
const MANY_FAILURES = 3;

const time = z.number().min(0).max(8_640_000_000_000_000);
const heldSchema = z.object({ reason: z.string(), since: time });
const troubleSchema = z.object({ code: z.string(), message: z.string(), since: time });
type Trouble = z.infer<typeof troubleSchema>;

const placeSchema = z.object({
  project: z.string().exactOptional(),
  region: z.string().exactOptional(),
});

const jobContextSchema = z.object({
  job: z.object({
    job_id: z.string().optional(),
    state: z.string().optional(),
    problem: z.string().nullish(),
    held: heldSchema.nullish(),
    offer: placeSchema.nullish().catch(null),
  }),
  submitted_at: time.optional(),
  troubled_since: time.nullish(),
  trouble: troubleSchema.nullish(),
});
type JobContext = z.infer<typeof jobContextSchema>;

/** What keeps the run from stopping its jobs. */
const stopTroubles = ({ source, context, children }: ActorNode): Trouble[] => {
  const { data } = z.object({ trouble: troubleSchema.nullish() }).safeParse(context);
  return [
    ...(source === "stopJobs" && data?.trouble != null ? [data.trouble] : []),
    ...children.flatMap(stopTroubles),
  ];
};

const stopSchema = z.object({ job_ids: z.array(z.string()), asked_at: time });

/** Jobs that were asked to stop and have not ended, as far as anybody knows. */
const unstopped = ({ source, context, children }: ActorNode): z.infer<typeof stopSchema>[] => {
  const { data } = stopSchema.safeParse(context);
  return [
    ...(source === "stopJobs" && data !== undefined && data.job_ids.length > 0 ? [data] : []),
    ...children.flatMap(unstopped),
  ];
};

/** The child machines of the run that have an inference job. */
const jobContexts = ({ context, children }: ActorNode): JobContext[] => {
  const parsed = jobContextSchema.safeParse(context);
  return [...(parsed.success ? [parsed.data] : []), ...children.flatMap(jobContexts)];
};

/** The jobs that child machines of the run have submitted and not yet seen the end of. */
export const waitedJobs = (actors: ActorNode): WaitedJob[] =>
  jobContexts(actors).flatMap(({ job, submitted_at = 0 }) =>
    job?.state === "submitted" && job.job_id !== undefined
      ? [{ job_id: job.job_id, submitted_at, offer: job.offer ?? null }]
      : [],
  );

const failedJobs = z.object({ jobs: z.array(z.object({ failure: z.unknown() })) });

const failures = ({ context }: ActorNode): number =>
  (failedJobs.safeParse(context).data?.jobs ?? []).filter(
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
  const { document, lease, wake_at, outbox, damage, set_aside, snapshot } = record;
  const found: StuckReason[] = [];
  const updated = Date.parse(document.updated_at);
  const isRunning = document.status === "running";
  const add = (reason: StuckReason["reason"], since: number | null, detail: string): void =>
    void found.push({ reason, since, detail });
  const isUnreadable =
    damage !== undefined ||
    set_aside?.code === "RECORD_UNREADABLE" ||
    (snapshot !== null && snapshot !== "null" && actors === null);
  if (set_aside !== undefined)
    add(isUnreadable ? "record_unreadable" : "set_aside", set_aside.at, set_aside.message);
  else if (isUnreadable)
    add(
      "record_unreadable",
      null,
      `The record cannot be read (${damage ?? "its state cannot be restored"}).`,
    );
  if (set_aside !== undefined) return found;
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
    if (job?.state === "submitted" && job.held != null && job.held.since <= before)
      add("job_held", job.held.since, `The job ${id} has no machine: ${job.held.reason}`);
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
  for (const { since, code, message } of actors === null ? [] : stopTroubles(actors))
    if (since <= before)
      add("stop_failing", since, `A job of the run cannot be stopped (${code}): ${message}`);
  for (const { job_ids, asked_at } of actors === null ? [] : unstopped(actors))
    if (asked_at <= before)
      add(
        "stop_unconfirmed",
        asked_at,
        `${job_ids.join(", ")} should have stopped, and nobody has confirmed that.`,
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
