import { z } from "zod";
import type { InferenceJobContext } from "../machines/inference-job-types.ts";
import type { JobKind } from "../machines/pair-types.ts";
import type { JobFailureKind, JobOffer, RunContext } from "../machines/run-types.ts";
import { isJudged } from "../science/grounding/meaning.ts";
import { restsOn } from "../science/report/rests-on.ts";
import type { RunDocument } from "../services/runs/document.ts";
import type { RunRecord, RunStanding } from "../services/runs/index.ts";

/** What is known of a run beside its document: its jobs, and what it waits for. */

export interface ShownJob {
  readonly job_id: string;
  readonly iteration: number;
  readonly kind: JobKind;
  readonly attempt: number;
  readonly state: string;
  readonly run_seconds: number | null;
  readonly cost_usd: number;
  readonly problem: string | null;
  readonly failure?: JobFailureKind | null | undefined;
  readonly offer?:
    | (Pick<JobOffer, "machine" | "provisioning" | "usd_per_hour"> & {
        readonly region?: string | undefined;
      })
    | null
    | undefined;
}

export interface RunDetails {
  /** It has work to do, and nobody hosts it. */
  readonly interrupted: boolean;
  /** Null at rest. */
  readonly waits_for: string | null;
  /** ISO 8601: until when the present attempts at its jobs may take. */
  readonly waits_until: string | null;
  /** The daemon that has it. */
  readonly hosted_by: string | null;
  readonly jobs: ShownJob[];
}

/** A daemon that is there takes up within this what nobody hosts. */
const TAKEN_UP_MS = 5_000;

/** Cancelled runs have work to do until their jobs have stopped. */
const hasWork = ({ status, current_phase }: Pick<RunDocument, "status" | "current_phase">) =>
  status === "running" || (status === "cancelled" && current_phase !== null);

/** A run that goes on as long as nothing but its GPU jobs is waited for. */
export const isOfGpuJobs = ({
  status,
  current_phase,
}: Pick<RunDocument, "status" | "current_phase">): boolean =>
  status === "running" && current_phase === "inference";

/** Whether a run has work to do and no host since a while. Milliseconds. */
export function isInterrupted(
  document: Pick<RunDocument, "status" | "current_phase" | "updated_at">,
  { lease, wake_at }: Pick<RunStanding, "lease" | "wake_at">,
  now: number,
): boolean {
  if (!hasWork(document)) return false;
  const since = lease?.expires_at ?? wake_at ?? Date.parse(document.updated_at);
  return since + TAKEN_UP_MS <= now;
}

/** False where no component of the delivered score could be measured: the score says nothing. */
export const isJudgedRun = ({
  iterations,
  delivered_iteration,
}: Pick<RunDocument, "iterations" | "delivered_iteration">): boolean =>
  isJudged(
    iterations.find(({ iteration }) => iteration === delivered_iteration)?.component_scores ?? {},
  );

/** What is shown of an attempt at an inference job. */
export const jobSchema = z.object({
  job_id: z.string(),
  iteration: z.number().int(),
  kind: z.enum(["prediction", "control", "round"]),
  attempt: z.number().int(),
  state: z.string(),
  run_seconds: z.number().nullable(),
  cost_usd: z.number(),
  problem: z.string().nullable(),
  failure: z
    .enum(["transient", "preempted", "application", "over_time"])
    .nullable()
    .optional()
    .describe("Why the attempt failed"),
  offer: z
    .object({
      machine: z.string().describe("With its accelerators"),
      provisioning: z.enum(["SPOT", "STANDARD", "FLEX_START"]),
      usd_per_hour: z.number(),
      region: z.string().optional(),
    })
    .nullable()
    .optional()
    .describe("What it runs on, and its price; null where nothing is paid for"),
});

/**
 * The context of a stored machine as far as it can be read; a record that cannot be is told of by
 * who hosts it.
 */
export function storedContext(snapshot: string | null): Partial<RunContext> {
  try {
    const parsed = JSON.parse(snapshot ?? "{}") as {
      readonly context?: Partial<RunContext>;
    } | null;
    const { jobs, ...rest } = parsed?.context ?? {};
    // A job that cannot be shown is still one that may run.
    return Array.isArray(jobs) ? { ...rest, jobs: jobs.filter((job) => job != null) } : rest;
  } catch {
    return {};
  }
}

/** Every attempt at the run's inference jobs, in the order in which they began. */
export const jobsOf = ({ snapshot }: Pick<RunRecord, "snapshot">): ShownJob[] =>
  (storedContext(snapshot).jobs ?? []).flatMap((job) => jobSchema.safeParse(job).data ?? []);

/** A run with what its answer rests on. */
export const shownRun = (document: RunDocument) => ({
  ...document,
  rests_on: [...restsOn(document)],
});

/** A run with all that its user may know of it. */
export function statusOf(record: RunRecord, now: number): ReturnType<typeof shownRun> & RunDetails {
  const jobs = jobsOf(record);
  return {
    ...shownRun(record.document),
    interrupted: isInterrupted(record.document, record, now),
    waits_for: waitsFor(record, jobs, now),
    waits_until: waitsUntil(record, jobs, now),
    hosted_by: record.lease !== null && record.lease.expires_at > now ? record.lease.owner : null,
    jobs,
  };
}

interface StoredChild {
  readonly snapshot?: {
    readonly value?: unknown;
    readonly context?: Partial<InferenceJobContext>;
  };
}

/** Until when the attempts that were handed over may take, the last of them. */
function waitsUntil(
  { document, snapshot }: RunRecord,
  jobs: readonly ShownJob[],
  now: number,
): string | null {
  if (!isOfGpuJobs(document) || !jobs.some(isUnderWay)) return null;
  try {
    const { children = {} } = JSON.parse(snapshot ?? "{}") as {
      readonly children?: Readonly<Record<string, StoredChild | undefined>>;
    };
    const last = Math.max(...Object.values(children).flatMap(attemptEnds));
    return last > now ? new Date(last).toISOString() : null;
  } catch {
    return null;
  }
}

/**
 * A job that runs is looked at again when it is given up, which is after the deadline where it
 * waited for its machine (steps/check-job.ts); after trouble, when it is looked at says nothing.
 */
function attemptEnds(child: StoredChild | undefined): number[] {
  const { value, context: { deadline_at, wake_at, trouble } = {} } = child?.snapshot ?? {};
  if ((value !== "awaiting" && value !== "checking") || typeof deadline_at !== "number") return [];
  return [Math.max(deadline_at, trouble == null ? (wake_at ?? 0) : 0)];
}

const isUnderWay = ({ state }: ShownJob): boolean =>
  state === "submitting" || state === "submitted";

function waitsFor(record: RunRecord, jobs: readonly ShownJob[], now: number): string | null {
  const { document, lease, wake_at, outbox } = record;
  const { run_id, status, current_phase } = document;
  if (isInterrupted(document, record, now))
    return `a process that hosts it; take it up here with: haystack retry ${run_id}`;
  if (status === "pending" && lease === null)
    return "a daemon that admits it (haystack serve), or here: haystack retry " + run_id;
  if (status === "cancelled" && current_phase !== null) return "its jobs to stop";
  if (hasWork(document)) {
    const { postponed } = document;
    if (postponed !== undefined)
      return `the step ${postponed.step}, tried again at ${postponed.try_at}: ${postponed.message}`;
    const live = jobs.filter(isUnderWay);
    if (live.length > 0)
      return live
        .map(
          ({ kind, attempt, job_id, problem }) =>
            `${kind} job ${job_id} (attempt ${attempt})${problem === null ? "" : `: ${problem.replace(/\.$/, "")}`}`,
        )
        .join(", ");
    return lease === null && wake_at !== null
      ? `the time ${new Date(wake_at).toISOString()}`
      : `the step ${current_phase}`;
  }
  return outbox.some(({ state }) => state === "owed") ? "its mail to be sent" : null;
}
