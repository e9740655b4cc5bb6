import { spawn } from "node:child_process";
import type { protos } from "@google-cloud/batch";

export type GoogleJob = protos.google.cloud.batch.v1.IJob;
export type GoogleTask = protos.google.cloud.batch.v1.ITask;
type GoogleEvent = protos.google.cloud.batch.v1.IStatusEvent;

export type GoogleJobState =
  | "STATE_UNSPECIFIED"
  | "QUEUED"
  | "SCHEDULED"
  | "RUNNING"
  | "SUCCEEDED"
  | "FAILED"
  | "DELETION_IN_PROGRESS"
  | "CANCELLATION_IN_PROGRESS"
  | "CANCELLED";

/** What is to go otherwise than well with a job. */
export interface JobScript {
  /** So many first calls about the job answer NOT_FOUND. */
  readonly hiddenCalls?: number;
  /** The job stays in the state until the promise resolves. */
  readonly hold?: { readonly [State in "QUEUED" | "SCHEDULED" | "RUNNING"]?: Promise<unknown> };
  /** A cancellation takes until this resolves. */
  readonly slowStop?: Promise<unknown>;
  /** What Batch says of machines while the job is in the state, without a message to anybody. */
  readonly says?: { readonly [State in "QUEUED" | "SCHEDULED"]?: string };
  /** Goes from QUEUED to FAILED; Batch's own words for it. */
  readonly failInQueue?: string;
  /**
   * The program is killed when it has begun (or when `killWhen` resolves) and the task ends with
   * this reserved code.
   */
  readonly exitCode?: number;
  readonly killWhen?: Promise<unknown>;
  /** Of a job of several tasks: whose first program is killed. Default 0. */
  readonly task?: number;
  /** A preemption that Batch overcame: its event comes late, just before the end. */
  readonly stalePreemption?: boolean;
}

export interface JobHost {
  /** Local program and first arguments that stand for the program of a container image. */
  readonly images: Readonly<Record<string, readonly string[]>>;
  /** The words of an image's ENTRYPOINT. Default: those of the STACK worker's. */
  readonly entrypoints?: Readonly<Record<string, readonly string[]>>;
  /** Images without a shell. */
  readonly withoutShell?: readonly string[];
  /** What the versions of Secret Manager hold, by their names. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Local folder that stands for the remote path of a Cloud Storage volume. */
  readonly volumes: Readonly<Record<string, string>>;
}

export interface LiveJob {
  /** As getJob shows it now. */
  readonly show: () => GoogleJob;
  readonly tasks: () => readonly GoogleTask[];
  readonly state: () => GoogleJobState;
  /** What the program wrote to stderr: the job's log. */
  readonly log: () => string;
  /** Adds an event about the job, as Batch does without a message to anybody. */
  readonly says: (description: string) => void;
  readonly stop: (how: "cancel" | "delete") => void;
  readonly ended: Promise<void>;
}

export type OnState = (job: GoogleJob, before: GoogleJobState, now: GoogleJobState) => void;

const OVER_TIME = 50005;
const PREEMPTED = 50001;
const IMAGE_MISSING = 125;
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;
const WORKER_ENTRYPOINT = ["python", "-m", "haystack_worker"];
/** Images have it, but for those that are told not to. */
const SHELL = "/bin/sh";
const ZONE = "us-central1-a";

/**
 * The arguments that the program of the image is started with, or the exit code of a container that
 * cannot start it. On machines with accelerators the image's ENTRYPOINT is lost, as reported in
 * nextflow-io/nextflow#7315: the first word of the commands is looked for as a program there.
 */
function wordsOfContainer(
  { taskGroups, allocationPolicy }: GoogleJob,
  ofImage: readonly string[],
): string[] | number {
  const { entrypoint, commands } = taskGroups?.[0]?.taskSpec?.runnables?.[0]?.container ?? {};
  const accelerators = allocationPolicy?.instances?.[0]?.policy?.accelerators ?? [];
  const named =
    entrypoint === undefined || entrypoint === null || entrypoint === "" ? [] : [entrypoint];
  const lost = accelerators.length > 0 && named.length === 0;
  if (named[0] === SHELL) return [];
  const all = [...(named.length > 0 || lost ? named : ofImage), ...(commands ?? [])];
  if (ofImage.every((word, index) => all[index] === word)) return all.slice(ofImage.length);
  return all[0]?.startsWith("/") === true ? NOT_EXECUTABLE : NOT_FOUND;
}

function now(): { seconds: string; nanos: number } {
  const millis = Date.now();
  return { seconds: String(Math.floor(millis / 1000)), nanos: (millis % 1000) * 1_000_000 };
}

/**
 * Lives through a job of Google Batch: its states, events and task, with the container's command as
 * a process of this machine.
 */
export function liveJob(
  created: GoogleJob,
  host: JobHost,
  script: JobScript,
  onState: OnState,
): LiveJob {
  const group = created.taskGroups?.[0] ?? {};
  const spec = group.taskSpec ?? {};
  const nTasks = Number(group.taskCount ?? 1);
  const stopping = new AbortController();
  const stopped = new Promise((resolve) => {
    stopping.signal.addEventListener("abort", resolve, { once: true });
  });
  const jobEvents: GoogleEvent[] = [];
  const tasks = Array.from({ length: nTasks }, () => ({
    state: "PENDING",
    events: [] as GoogleEvent[],
  }));
  let state: GoogleJobState = "STATE_UNSPECIFIED";
  let log = "";

  const show = (): GoogleJob => ({ ...created, status: { state, statusEvents: [...jobEvents] } });

  const enter = (next: GoogleJobState): void => {
    const before = state;
    state = next;
    if (before !== "STATE_UNSPECIFIED")
      jobEvents.push({
        type: "STATUS_CHANGED",
        eventTime: now(),
        description: `Job state is set from ${before} to ${next} for job ${created.name}.`,
      });
    onState(show(), before, next);
  };

  const taskGoes = (
    index: number,
    next: "PENDING" | "ASSIGNED" | "RUNNING" | "SUCCEEDED" | "FAILED",
    exitCode?: number,
  ): void => {
    const task = tasks[index]!;
    const why = exitCode === PREEMPTED ? " due to Spot Preemption" : "";
    const description = `Task state is updated from ${task.state} to ${next} on zones/${ZONE}/instances/1${exitCode === undefined ? "" : `${why} with exit code ${exitCode}`}.`;
    task.events.push({
      type: "STATUS_CHANGED",
      eventTime: now(),
      description,
      taskState: next,
      ...(exitCode === undefined ? {} : { taskExecution: { exitCode } }),
    });
    task.state = next;
    if (next === "FAILED") {
      jobEvents.push({
        type: "OPERATIONAL_INFO",
        eventTime: now(),
        description: `Job failed due to task failure. Specifically, task with index ${index} failed due to the following task event: "${description}"`,
      });
    }
  };

  /** Whether Batch repeats a task that ended like this. */
  const isRepeated = (exitCode: number, before: number): boolean => {
    if (before >= (spec.maxRetryCount ?? 0)) return false;
    const [policy] = spec.lifecyclePolicies ?? [];
    const isNamed = policy?.actionCondition?.exitCodes?.includes(exitCode) === true;
    return policy === undefined || isNamed === (policy.action === "RETRY_TASK");
  };

  /** The exit code of the task; undefined when the job was stopped. */
  const runProgram = async (index: number, attempt: number): Promise<number | undefined> => {
    const { container, environment } = spec.runnables?.[0] ?? {};
    const image = container?.imageUri ?? "";
    const [program, ...first] = host.images[image] ?? [];
    if (program === undefined) return IMAGE_MISSING;
    const words = wordsOfContainer(created, host.entrypoints?.[image] ?? WORKER_ENTRYPOINT);
    if (typeof words === "number") return words;
    const isShell = container?.entrypoint === SHELL;
    if (isShell && host.withoutShell?.includes(image) === true) return NOT_FOUND;
    const local = (text: string): string =>
      (spec.volumes ?? []).reduce(
        (path, { mountPath, gcs }) =>
          path.replaceAll(mountPath ?? "", host.volumes[gcs?.remotePath ?? ""] ?? ""),
        text,
      );
    const [command, given] = isShell
      ? [SHELL, container.commands ?? []]
      : [program, [...first, ...words]];
    const child = spawn(command, given.map(local), {
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        NODE_OPTIONS: process.env["NODE_OPTIONS"],
        BATCH_TASK_INDEX: String(index),
        BATCH_TASK_COUNT: String(nTasks),
        BATCH_TASK_RETRY_ATTEMPT: String(attempt),
        BATCH_JOB_UID: created.uid ?? "",
        ...environment?.variables,
        ...Object.fromEntries(
          Object.entries(environment?.secretVariables ?? {}).map(([name, version]) => [
            name,
            host.secrets?.[version] ?? "",
          ]),
        ),
      },
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      log = `${log}${chunk}`.slice(-65_536);
    });
    let killedWith: number | "stopped" | undefined;
    const kill = (because: number | "stopped"): void => {
      killedWith ??= because;
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      process.kill(-child.pid, "SIGKILL");
    };
    const ended = new Promise<number>((resolve) => {
      child.once("error", () => resolve(127));
      child.once("close", (code) => resolve(code ?? 137));
    });
    void stopped.then(() => kill("stopped"));
    const { exitCode } = index === (script.task ?? 0) && attempt === 0 ? script : {};
    if (exitCode !== undefined) void Promise.resolve(script.killWhen).then(() => kill(exitCode));
    const longest = Number(spec.maxRunDuration?.seconds ?? 0) * 1000;
    const overTime =
      longest > 0 ? setTimeout(kill, Math.min(longest, 2 ** 31 - 1), OVER_TIME) : undefined;
    const code = await ended;
    clearTimeout(overTime);
    if (killedWith === "stopped") return undefined;
    return killedWith ?? code;
  };

  const says = (description: string): void =>
    void jobEvents.push({ type: "OPERATIONAL_INFO", eventTime: now(), description });

  const live = async (): Promise<void> => {
    const isStopped = async (until: Promise<unknown> | undefined): Promise<boolean> => {
      await Promise.race([until ?? new Promise(setImmediate), stopped]);
      return stopping.signal.aborted;
    };
    enter("QUEUED");
    if (script.says?.QUEUED !== undefined) says(script.says.QUEUED);
    if (await isStopped(script.hold?.QUEUED)) return;
    if (script.failInQueue !== undefined) {
      says(script.failInQueue);
      return enter("FAILED");
    }
    enter("SCHEDULED");
    for (const index of tasks.keys()) taskGoes(index, "ASSIGNED");
    if (script.says?.SCHEDULED !== undefined) says(script.says.SCHEDULED);
    if (await isStopped(script.hold?.SCHEDULED)) return;
    enter("RUNNING");
    for (const index of tasks.keys()) taskGoes(index, "RUNNING");
    if (script.hold?.RUNNING !== undefined && (await isStopped(script.hold.RUNNING))) return;
    const codes = await Promise.all(Array.from(tasks.keys(), liveTask));
    if (codes.includes(undefined) || stopping.signal.aborted) return;
    enter(codes.every((code) => code === 0) ? "SUCCEEDED" : "FAILED");
  };

  /** The exit code of its last program; undefined when the job was stopped. */
  const liveTask = async (index: number): Promise<number | undefined> => {
    for (let attempt = 0; ; attempt += 1) {
      const code = await runProgram(index, attempt);
      if (code === undefined || stopping.signal.aborted) return undefined;
      if (script.stalePreemption === true) {
        taskGoes(index, "FAILED", PREEMPTED);
        tasks[index]!.state = "RUNNING";
      }
      // Events of success carry no execution.
      if (code === 0) taskGoes(index, "SUCCEEDED");
      else taskGoes(index, "FAILED", code);
      if (code === 0 || !isRepeated(code, attempt)) return code;
      taskGoes(index, "PENDING");
      taskGoes(index, "RUNNING");
    }
  };

  const liveAndEnd = async (): Promise<void> => {
    await live();
    if (script.slowStop !== undefined) await script.slowStop;
    if (state === "CANCELLATION_IN_PROGRESS") enter("CANCELLED");
  };

  return {
    show,
    tasks: () =>
      tasks.map((task, index) => ({
        name: `${created.name}/taskGroups/group0/tasks/${index}`,
        status: { state: task.state as "PENDING", statusEvents: [...task.events] },
      })),
    state: () => state,
    log: () => log,
    says,
    stop(how) {
      if (stopping.signal.aborted && how === "cancel") return;
      enter(how === "cancel" ? "CANCELLATION_IN_PROGRESS" : "DELETION_IN_PROGRESS");
      stopping.abort();
    },
    ended: liveAndEnd(),
  };
}
