import { readFile } from "node:fs/promises";
import { type HaystackError, toHaystackError } from "../errors.ts";
import { type JobStatus, TERMINAL_JOB_STATES, type TrialJobs } from "../services/batch/index.ts";
import type { JobEvents } from "../services/job-events/index.ts";
import type { ObjectStore } from "../services/objects/index.ts";

/**
 * One small job with everything that GPU jobs need but the accelerator, to find out which part of it
 * fails.
 */

export interface TrialPorts {
  readonly objects: Pick<ObjectStore, "fetch" | "putText" | "remove">;
  readonly jobs: Pick<TrialJobs, "cancel" | "get" | "submit">;
  readonly jobEvents: Pick<JobEvents, "subscribe">;
  /** Between two looks at the job; true when the job, or its message, has had time enough. */
  readonly pause: (waitsFor: "job" | "message") => Promise<boolean>;
  readonly onState: (state: string) => void;
}

export const TRIAL_PARTS = ["machine", "image", "mount", "topic"] as const;
export type TrialPart = (typeof TRIAL_PARTS)[number];

/** What is wrong with a part, in one sentence; null where nothing is, undefined where it was not reached. */
export type TrialFindings = Readonly<Record<TrialPart, string | null | undefined>>;

const IMAGE_MISSING = 125;
/** Of a container whose program is not there, or may not be executed. */
const NO_PROGRAM: ReadonlySet<number> = new Set([126, 127]);
const NOT_REACHED: TrialFindings = {
  machine: undefined,
  image: undefined,
  mount: undefined,
  topic: undefined,
};

const COPIED = "What the job wrote is as it was read.";

/** Errors of the object store; whatever else goes wrong is a finding. */
export async function tryJob(
  ports: TrialPorts,
  jobId: string,
  signal?: AbortSignal,
): Promise<TrialFindings> {
  const { objects, jobs, jobEvents } = ports;
  const [from, to] = [`doctor/${jobId}/asked.txt`, `doctor/${jobId}/answered.txt`];
  let heard = false;
  let isMade = false;
  const unsubscribe = await jobEvents.subscribe(async ({ job_id }) => {
    // News of other jobs goes back to where it came from.
    if (job_id !== jobId) throw new Error(`${job_id} is not the job that is tried.`);
    heard = true;
  });
  const isHeard = async (): Promise<boolean> => {
    while (!heard) if (await ports.pause("message")) return heard;
    return true;
  };
  try {
    await objects.putText(from, COPIED, signal);
    const failure = await submitted(jobs, { job_id: jobId, from, to }, signal);
    if (failure !== undefined) return { ...NOT_REACHED, machine: failure.message };
    isMade = true;
    const status = await ended(ports, jobId, signal);
    const copied = status?.state === "SUCCEEDED" && (await isCopied(objects, to, signal));
    return {
      ...findingsOf(status, copied),
      topic: (await isHeard())
        ? null
        : "No message of the job came: give the account of the jobs roles/pubsub.publisher on the topic, and check that the subscription is of that topic; a daemon that reads the subscription takes messages too, so try it while none runs.",
    };
  } finally {
    await unsubscribe();
    const left = [
      // Who may make no jobs may not ask for any either.
      ...(isMade ? [jobs.cancel(jobId)] : []),
      ...[from, to].map((path) => objects.remove(path)),
    ];
    for (const outcome of await Promise.allSettled(left))
      if (outcome.status === "rejected")
        ports.onState(`not cleared away: ${toHaystackError(outcome.reason).message}`);
  }
}

async function submitted(
  jobs: TrialPorts["jobs"],
  spec: Parameters<TrialJobs["submit"]>[0],
  signal: AbortSignal | undefined,
): Promise<HaystackError | undefined> {
  try {
    await jobs.submit(spec, signal);
    return undefined;
  } catch (thrown) {
    return toHaystackError(thrown);
  }
}

/** How the job stands when it has ended, or has had time enough. */
async function ended(
  { jobs, pause, onState }: TrialPorts,
  jobId: string,
  signal: AbortSignal | undefined,
): Promise<JobStatus | undefined> {
  for (let told = ""; ;) {
    signal?.throwIfAborted();
    const status = await jobs.get(jobId, signal);
    const state = status?.held?.reason ?? status?.state ?? "not known yet";
    if (state !== told) onState(state);
    told = state;
    if (status !== undefined && TERMINAL_JOB_STATES.has(status.state)) return status;
    if (await pause("job")) return status;
  }
}

async function isCopied(
  objects: TrialPorts["objects"],
  path: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    return (await readFile(await objects.fetch({ path }, signal), "utf8")) === COPIED;
  } catch (thrown) {
    if (toHaystackError(thrown).code === "OBJECT_NOT_FOUND") return false;
    throw thrown;
  }
}

function findingsOf(status: JobStatus | undefined, copied: boolean): TrialFindings {
  const ran = { ...NOT_REACHED, machine: null };
  const code = status?.failure?.exit_code ?? null;
  switch (status?.state) {
    case "SUCCEEDED":
      return {
        ...ran,
        image: null,
        mount: copied
          ? null
          : "The job wrote its object elsewhere: GCS_BUCKET and GCS_PREFIX are not what is mounted.",
      };
    case "FAILED":
      if (code === null) return { ...NOT_REACHED, machine: status.failure?.reason ?? "It failed." };
      if (code === IMAGE_MISSING)
        return {
          ...ran,
          image:
            "The container could not be started (exit code 125): check that BATCH_IMAGE exists, and give the account of the jobs roles/artifactregistry.reader on its repository.",
        };
      if (NO_PROGRAM.has(code))
        return {
          ...ran,
          image: `BATCH_IMAGE has no /bin/sh (exit code ${code}), so the bucket was not tried; the image itself could be had.`,
        };
      if (status.failure?.kind !== "application")
        return { ...NOT_REACHED, machine: status.failure?.reason ?? "It failed." };
      return {
        ...ran,
        image: null,
        mount: `The job could not read or write the mounted bucket (exit code ${code}): give the account of the jobs roles/storage.objectUser on it, and check BATCH_MOUNT_OPTIONS.`,
      };
    case "CANCELLED":
      return { ...NOT_REACHED, machine: "The job was cancelled before it ended." };
    default:
      return {
        ...NOT_REACHED,
        machine:
          status?.held?.reason ??
          `The job did not end in time, and Google Batch does not say why; it is ${status?.state ?? "not known there"}: roles/batch.agentReporter may be missing, or the machine may not reach Google.`,
      };
  }
}
