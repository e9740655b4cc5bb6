import { type FSWatcher, watch } from "node:fs";
import { join, resolve } from "node:path";
import { HaystackError } from "../../../errors.ts";
import {
  type BatchService,
  checkInputs,
  type InferenceJobSpec,
  JOB_ID,
  type JobStatus,
} from "../index.ts";
import { BASELINE_PROGRAM } from "./command.ts";
import { jobOfDraft } from "./durable.ts";
import { forgetJobs } from "./forget-jobs.ts";
import { guarded } from "./guarded.ts";
import { outputOfJob } from "./output-of-job.ts";
import {
  advance,
  createJob,
  jobRoot,
  makeRoot,
  mapFiles,
  readHistory,
  readJob,
  statusOf,
} from "./job.ts";
import { isOver, isQueued, isSettled, type LiveJob } from "./live-job.ts";
import type { LocalBatchOptions } from "./options.ts";
import { dequeue, enqueue, readQueue } from "./queue.ts";
import { supervision } from "./supervision.ts";

/**
 * Inference jobs as processes of this machine, in Google Batch's states. The folder is the truth:
 * jobs, their order and their runners live on while no executor does, and the next executor takes
 * them up. Needs hard links; leftovers of a killed runner are found on Linux.
 */
export function localBatch(options: LocalBatchOptions): BatchService {
  const {
    clock,
    location,
    onChange,
    onError,
    program = BASELINE_PROGRAM,
    maxConcurrent = 1,
    pollMs = 1000,
    stopGraceMs = 10_000,
  } = options;
  const rootFolder = resolve(options.root);
  const root = jobRoot(rootFolder);
  const ready = makeRoot(root);
  const live = new Map<string, LiveJob>();
  const numbers = new Map<number, string>();
  /** Jobs to look at again; at a poll, all. */
  const changed = new Set<string>();
  let lookAtAll = true;
  let closed = false;
  let watcher: FSWatcher | undefined;
  let forgetPoll: (() => void) | undefined;
  let passing: Promise<void> | undefined;
  let again = false;

  const folderOf = (jobId: string): string => join(root.jobs, jobId);
  const { add, launch, check } = supervision({
    rootFolder,
    root,
    clock,
    stopGraceMs,
    poke: () => poke(),
  });

  const announce = async (jobId: string, job: LiveJob): Promise<void> => {
    const entry = job.history[job.announced];
    if (closed || job.announcing || entry === undefined) return;
    job.announcing = true;
    try {
      await onChange({
        event_id: `${jobId}.${entry.state.toLowerCase()}`,
        job_id: jobId,
        state: entry.state,
      });
      job.announced++;
      job.announcing = false;
      if (isSettled(job)) poke();
      else await announce(jobId, job);
    } catch (thrown) {
      job.announcing = false;
      if (!closed) onError(thrown);
    }
  };

  /**
   * The first `maxConcurrent` unfinished jobs in queue order may run. As numbers and ends are for
   * ever, executors with older views start less, never more.
   */
  const schedule = async (ordered: Iterable<LiveJob>): Promise<void> => {
    let rank = 0;
    for (const job of ordered) {
      if (isOver(job)) continue;
      if (rank++ >= maxConcurrent) return;
      if (
        isQueued(job) &&
        (await add(job, (last) => (last.state === "QUEUED" ? { state: "SCHEDULED" } : undefined)))
      )
        await launch(job);
    }
  };

  /** A job that cannot be read or written must not hold up the others. */
  const forEach = async <Item>(
    items: Iterable<Item>,
    work: (item: Item) => Promise<void>,
  ): Promise<void> => {
    for (const item of items) await work(item).catch(onError);
  };

  const load = async (jobId: string): Promise<void> => {
    if (live.has(jobId)) return;
    const history = await readHistory(folderOf(jobId));
    live.set(jobId, {
      folder: folderOf(jobId),
      history,
      announced: Math.max(0, history.length - 1),
      announcing: false,
    });
  };

  const pass = async (): Promise<void> => {
    await ready;
    const entries = await readQueue(root, numbers);
    numbers.clear();
    for (const { number, jobId } of entries) numbers.set(number, jobId);
    const due = lookAtAll ? new Set(live.keys()) : new Set(changed);
    changed.clear();
    lookAtAll = false;
    await forEach(numbers.values(), load);
    await forEach(
      [...live]
        .filter(([jobId, job]) => !isOver(job) && (due.has(jobId) || !isQueued(job)))
        .map(([, job]) => job),
      check,
    );
    const queued = new Set(numbers.values());
    await schedule(
      [...queued].map((jobId) => live.get(jobId)).filter((job) => job !== undefined),
    ).catch(onError);
    for (const [jobId, job] of live) {
      void announce(jobId, job);
      if (isSettled(job) && !queued.has(jobId)) live.delete(jobId);
    }
    await dequeue(root, entries, (jobId) => {
      const job = live.get(jobId);
      return job !== undefined && isSettled(job);
    });
  };

  const poke = (): void => {
    if (closed) return;
    if (passing !== undefined) {
      again = true;
      return;
    }
    again = false;
    passing = pass()
      .catch(onError)
      .finally(() => {
        passing = undefined;
        if (again) poke();
      });
  };

  const poll = (): void => {
    lookAtAll = true;
    poke();
    forgetPoll = clock.after(pollMs, poll);
  };

  const startWatching = (): void => {
    if (closed) return;
    // Every new state is drafted there first. Where watching is not to be had, the poll finds the
    // change.
    try {
      watcher = watch(root.drafts, { persistent: false }, (_, name) => {
        if (name !== null) changed.add(jobOfDraft(name));
        poke();
      });
      watcher.on("error", () => watcher?.close());
    } catch {
      watcher = undefined;
    }
  };

  ready.then(startWatching, onError);
  poll();

  const submit = async (spec: InferenceJobSpec): Promise<JobStatus> => {
    await ready;
    const folder = folderOf(spec.job_id);
    const files = mapFiles(spec, location);
    const created = await createJob(
      root,
      folder,
      { spec, command: program.command, cwd: process.cwd(), ...files, stop_grace_ms: stopGraceMs },
      clock.now(),
    );
    const present = await readJob(root, folder);
    if (present?.spec.run_id !== spec.run_id) {
      throw new HaystackError(
        "JOB_NOT_OURS",
        `The job ${spec.job_id} belongs to run ${present?.spec.run_id ?? "unknown"} and not to ${spec.run_id}.`,
      );
    }
    checkInputs(spec.job_id, present.spec.inputs, spec.inputs);
    const history = await readHistory(folder);
    if (created) live.set(spec.job_id, { folder, history, announced: 0, announcing: false });
    if (history.at(-1)?.state === "QUEUED") await enqueue(root, spec.job_id, numbers);
    poke();
    const status = statusOf(spec.job_id, history);
    if (status === undefined)
      throw new HaystackError("INTERNAL", `The job ${spec.job_id} vanished from ${folder}.`);
    return status;
  };

  return {
    model: program.model,
    ...(program.model.is_baseline ? {} : { predictor: JSON.stringify(program) }),
    offer: () => null,
    notFoundGraceMs: 0,
    async submit(spec, signal) {
      if (!JOB_ID.test(spec.job_id))
        throw new HaystackError(
          "USAGE",
          `${JSON.stringify(spec.job_id)} is not a job id: use at most 63 lower-case letters, digits and hyphens.`,
        );
      return guarded(signal, () => submit(spec));
    },
    async get(jobId, signal) {
      if (!JOB_ID.test(jobId)) return undefined;
      return guarded(signal, async () => statusOf(jobId, await readHistory(folderOf(jobId))));
    },
    forget: (isMeant) => guarded(undefined, () => forgetJobs(options.root, isMeant)),
    output: (jobId, signal) => guarded(signal, () => outputOfJob(options.root, jobId)),
    async cancel(jobId, signal) {
      if (!JOB_ID.test(jobId)) return;
      await guarded(signal, async () => {
        await advance(root, folderOf(jobId), (last) =>
          last.state === "CANCELLATION_IN_PROGRESS"
            ? undefined
            : { state: "CANCELLATION_IN_PROGRESS", at: clock.now() },
        );
      });
      changed.add(jobId);
      poke();
    },
    async close() {
      closed = true;
      forgetPoll?.();
      watcher?.close();
      await passing;
    },
  };
}
