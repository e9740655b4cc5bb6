import { type ErrorCode, HaystackError, toHaystackError } from "../../errors.ts";
import type { JobRecord } from "../../machines/run-types.ts";
import {
  type BatchService,
  type JobStatus,
  type PlacedJob,
  TERMINAL_JOB_STATES,
} from "../../services/batch/index.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { RunHost } from "../host/run-host.ts";
import { pauseSince } from "../steps/pause.ts";

/**
 * Looks at the jobs that hosted runs wait for.
 *
 * Owns: when they are looked at, and what is news.
 * Does not own: what comes of news: the run's machine asks Batch itself (D8).
 * 1. News is what the durable state of the run does not have. So it needs no memory: what is lost
 *    with this process is news again for the next one.
 * 2. A look without news commits nothing.
 * 3. What stays news, or comes and goes, is told ever more rarely: at most some thirty times in six
 *    hours.
 * 4. A job, or a place, that cannot be looked at keeps no other from being seen.
 */
export interface JobWatch {
  /** Rejects once when jobs can no longer be looked at; each run then notes so itself. */
  look(): Promise<void>;
}

export interface WatchedJobs extends Pick<BatchService, "get" | "look" | "notFoundGraceMs"> {
  /** Pause between two looks. */
  readonly everyMs: number;
}

export interface JobWatchOptions {
  readonly jobs: WatchedJobs;
  readonly clock: Clock;
  readonly hosts: () => Iterable<Pick<RunHost, "awaited" | "send">>;
  /** The longest pause between two looks at one job that waits, and at one that runs. */
  readonly longestMs: { readonly waiting: number; readonly running: number };
}

type News = "ended" | "held" | "unknown" | "unseen";

interface Seen {
  readonly found: ReadonlyMap<string, JobStatus>;
  /** Why, by the ids of jobs. */
  readonly unseen: ReadonlyMap<string, unknown>;
}

/** What is remembered of a job; milliseconds. */
interface Remembered {
  readonly told: Map<News, { readonly first: number; readonly last: number }>;
  readonly since: number;
  unknownSince?: number;
  lookAt: number;
}

export function createJobWatch({ jobs, clock, hosts, longestMs }: JobWatchOptions): JobWatch {
  let remembered = new Map<string, Remembered>();
  let failing: ErrorCode | undefined;

  const { look } = jobs;
  /** One by one, or all of a place in few requests. */
  const askedTogether = ({ job_id, offer }: PlacedJob): string =>
    look === undefined ? job_id : `${offer?.project ?? ""}/${offer?.region ?? ""}`;
  const ask = async (
    placed: readonly PlacedJob[],
  ): Promise<Iterable<readonly [string, JobStatus | HaystackError | undefined]>> =>
    look === undefined
      ? Promise.all(placed.map(async ({ job_id }) => [job_id, await jobs.get(job_id)] as const))
      : look(placed);

  const lookAt = async (placed: readonly PlacedJob[]): Promise<Seen> => {
    const found = new Map<string, JobStatus>();
    const unseen = new Map<string, unknown>();
    const together = Map.groupBy(placed, askedTogether).values();
    await Promise.all(
      [...together].map(async (some) => {
        try {
          for (const [id, answer] of await ask(some)) {
            if (answer instanceof HaystackError) unseen.set(id, answer);
            else if (answer !== undefined) found.set(id, answer);
          }
        } catch (thrown) {
          for (const { job_id } of some) unseen.set(job_id, thrown);
        }
      }),
    );
    return { found, unseen };
  };

  const newsOf = (
    job: JobRecord,
    status: JobStatus | undefined,
    memory: Remembered,
  ): News | undefined => {
    if (status === undefined) {
      memory.unknownSince ??= clock.now();
      return clock.now() - memory.unknownSince < jobs.notFoundGraceMs ? undefined : "unknown";
    }
    delete memory.unknownSince;
    if (TERMINAL_JOB_STATES.has(status.state)) return "ended";
    const isSame = (job.held?.reason ?? null) === (status.held?.reason ?? null);
    return isSame || status.state === "CANCELLATION_IN_PROGRESS" ? undefined : "held";
  };

  const isDue = (memory: Remembered, news: News): boolean => {
    const told = memory.told.get(news);
    const now = clock.now();
    if (told === undefined) {
      memory.told.set(news, { first: now, last: now });
      return true;
    }
    if (now - told.last < (told.last - told.first) / 4) return false;
    memory.told.set(news, { ...told, last: now });
    return true;
  };

  const nextLook = (status: JobStatus | undefined, memory: Remembered): number => {
    const [since, longest] =
      status?.started_at === undefined
        ? [memory.since, longestMs.waiting]
        : [status.started_at, longestMs.running];
    const first = jobs.everyMs;
    return (
      clock.now() + pauseSince(since, clock.now(), { first, longest: Math.max(first, longest) })
    );
  };

  return {
    async look() {
      const awaited = [...hosts()].flatMap((host) => host.awaited().map((job) => ({ host, job })));
      const now = clock.now();
      remembered = new Map(
        awaited.map(({ job: { job_id } }) => [
          job_id,
          remembered.get(job_id) ?? { told: new Map(), since: now, lookAt: now },
        ]),
      );
      const due = awaited.flatMap(({ host, job }) => {
        const memory = remembered.get(job.job_id);
        return memory === undefined || memory.lookAt > now ? [] : [{ host, job, memory }];
      });
      if (due.length === 0) return;
      const { found, unseen } = await lookAt(due.map(({ job }) => job));
      for (const { host, job, memory } of due) {
        const status = found.get(job.job_id);
        const isSeen = !unseen.has(job.job_id);
        const news = isSeen ? newsOf(job, status, memory) : "unseen";
        if (isSeen) {
          memory.told.delete("unseen");
          memory.lookAt = nextLook(status, memory);
        }
        if (news !== undefined && isDue(memory, news))
          host.send({
            type: "job.changed",
            job_id: job.job_id,
            state: status?.state ?? "UNKNOWN",
          });
      }
      const [failure] = unseen.values();
      const { code } = failure === undefined ? { code: undefined } : toHaystackError(failure);
      const isNew = code !== failing;
      failing = code;
      if (failure !== undefined && isNew) throw failure;
    },
  };
}
