import type { Clock } from "../../clock/index.ts";
import { advance, type JobRoot, readHistory, readJob, runnerOf, type StateEntry } from "./job.ts";
import { launchRunner } from "./launch.ts";
import { isOver, type LiveJob } from "./live-job.ts";
import { leftOfJob } from "./left-of-job.ts";
import { folderIdentity, isAlive, type ProcessIdentity, signalProcess } from "./process.ts";

/**
 * A scheduled job whose runner does not appear for so long gets another; of two runners one takes
 * the job (L3).
 */
const RUNNER_LATE_MS = 10_000;
const LEFTOVERS_CHECK_MS = 100;
/** A runner that does not answer for so long after the program's own grace is killed. */
const SILENT_MS = 10_000;

const lost = (reason: string): Omit<StateEntry, "at"> => ({
  state: "FAILED",
  failure: { kind: "transient", reason, exit_code: null },
});

const overTime: Omit<StateEntry, "at"> = {
  state: "FAILED",
  failure: {
    kind: "over_time",
    reason: "The inference program ran longer than it may, and what supervised it did not answer.",
    exit_code: null,
  },
};

export interface Supervision {
  /** Adds the state that `next` chooses; false when it chose none or the job has ended. */
  add(
    job: LiveJob,
    next: (last: StateEntry) => Omit<StateEntry, "at"> | undefined,
  ): Promise<boolean>;
  /** Starts the process that watches over the job. */
  launch(job: LiveJob): Promise<void>;
  /** Reads how the job stands and does what its runner did not. */
  check(job: LiveJob): Promise<void>;
}

/** What an executor does about the runner of each job. `poke` asks for another look. */
export function supervision({
  rootFolder,
  root,
  clock,
  stopGraceMs,
  poke,
}: {
  readonly rootFolder: string;
  readonly root: JobRoot;
  readonly clock: Clock;
  readonly stopGraceMs: number;
  readonly poke: () => void;
}): Supervision {
  const add = async (
    job: LiveJob,
    next: (last: StateEntry) => Omit<StateEntry, "at"> | undefined,
  ): Promise<boolean> => {
    const { history, added } = await advance(root, job.folder, (last) => {
      const entry = next(last);
      return entry === undefined ? undefined : { ...entry, at: clock.now() };
    });
    job.history = history;
    return added;
  };

  const launch = async (job: LiveJob): Promise<void> => {
    const gone = (): void => {
      job.runner = "gone";
      poke();
    };
    job.runner = "up";
    try {
      await launchRunner(rootFolder, job.folder, gone);
    } catch (thrown) {
      gone();
      throw thrown;
    }
  };

  /** A runner that died leaves the program: kill it, and end the job when nothing of it is left. */
  const bury = async (job: LiveJob): Promise<void> => {
    const left = await leftOfJob(job.folder);
    for (const pid of left) signalProcess(pid, "SIGKILL");
    if (left.length > 0) clock.after(LEFTOVERS_CHECK_MS, poke);
    else
      await add(job, (last) =>
        last.state === "CANCELLATION_IN_PROGRESS"
          ? { state: "CANCELLED" }
          : job.silent === "over_time"
            ? overTime
            : lost(
                "The process that supervised the job ended, perhaps because the machine was restarted.",
              ),
      );
  };

  const isOurs = async (
    { folder }: LiveJob,
    runner: NonNullable<StateEntry["runner"]>,
  ): Promise<boolean> =>
    runner.folder === undefined || runner.folder === (await folderIdentity(folder));

  /** Asks the runner to stop; one that does not answer, frozen perhaps, is killed. */
  const stop = (job: LiveJob, runner: ProcessIdentity): void => {
    job.askedToStop ??= clock.elapsed();
    const isSilent = clock.elapsed() - job.askedToStop >= stopGraceMs + SILENT_MS;
    signalProcess(runner.pid, isSilent ? "SIGKILL" : "SIGTERM");
  };

  /** The runner itself ends a job in time, unless it is frozen. */
  const isOverTime = async (job: LiveJob, { at }: StateEntry): Promise<boolean> => {
    job.mostMs ??= ((await readJob(root, job.folder))?.spec.max_run_seconds ?? 0) * 1_000;
    return clock.now() - at >= job.mostMs + stopGraceMs + SILENT_MS;
  };

  const supervise = async (job: LiveJob): Promise<void> => {
    const last = job.history.at(-1);
    const runner = runnerOf(job.history);
    if (last?.state === "SCHEDULED") {
      if (job.runner === "gone")
        await add(job, (now) =>
          now.state === "SCHEDULED"
            ? lost("The job could not be started; runner.log in its folder says why.")
            : undefined,
        );
      else if (job.runner === undefined && clock.now() - last.at >= RUNNER_LATE_MS)
        await launch(job);
    } else if (last?.state === "RUNNING" || last?.state === "CANCELLATION_IN_PROGRESS") {
      if (runner === undefined)
        await add(job, (now) =>
          now.state === "CANCELLATION_IN_PROGRESS" ? { state: "CANCELLED" } : undefined,
        );
      else if (!(await isOurs(job, runner)) || !(await isAlive(runner))) await bury(job);
      else if (last.state === "CANCELLATION_IN_PROGRESS") stop(job, runner);
      else if (await isOverTime(job, last)) {
        job.silent ??= "over_time";
        stop(job, runner);
      }
    }
  };

  const check = async (job: LiveJob): Promise<void> => {
    job.history = await readHistory(job.folder, job.history);
    if (!isOver(job)) await supervise(job);
  };

  return { add, launch, check };
}
