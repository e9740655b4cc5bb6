import { createHash } from "node:crypto";
import { v1 } from "@google-cloud/batch";
import { HaystackError } from "../../../errors.ts";
import { GRPC, grpcCode } from "../../http/grpc-reason.ts";
import { callOptions, clientOptions, type GoogleBatchPlace } from "./client.ts";
import { batchError } from "./errors.ts";
import type { GoogleJob } from "./job.ts";
import type { GoogleTask } from "./status.ts";

/**
 * The calls of Google Batch that we need, for jobs of any kind. Errors BATCH_UNAVAILABLE,
 * BATCH_QUOTA, BATCH_REFUSED, STEP_ABORTED.
 */
export interface GoogleBatchJobs {
  /**
   * Creates the job, or adopts the one of that id if it carries the identity (else JOB_NOT_OURS).
   * Stopped by the signal it still waits for the call under way: a job must not appear behind the
   * back of one who goes on to cancel it.
   */
  submit(
    jobId: string,
    body: GoogleJob,
    identity: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<GoogleJob>;
  /** Undefined when Batch does not know the job. */
  get(jobId: string, signal?: AbortSignal): Promise<GoogleJob | undefined>;
  /** All that have not ended, of whomever, a page for each request. */
  unfinished(signal?: AbortSignal): Promise<readonly GoogleJob[]>;
  tasks(jobId: string, signal?: AbortSignal): Promise<readonly GoogleTask[]>;
  /**
   * Asks for cancellation of a job that neither ended nor is stopping: Batch takes no second
   * request. An unknown job is no error.
   */
  cancel(jobId: string, signal?: AbortSignal): Promise<void>;
  /**
   * Rejects unless jobs can be listed and made here: place, credentials and permissions are right.
   * The job that is asked for has nothing to do, which Batch refuses as INVALID_ARGUMENT to those
   * who may make jobs, and as PERMISSION_DENIED to others.
   */
  check(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const STOPPING: ReadonlySet<unknown> = new Set([
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
  "CANCELLATION_IN_PROGRESS",
  "DELETION_IN_PROGRESS",
]);

const UNFINISHED = ["QUEUED", "SCHEDULED", "RUNNING", "CANCELLATION_IN_PROGRESS"]
  .map((state) => `status.state="${state}"`)
  .join(" OR ");
const PAGE = 1_000;

/**
 * Batch ignores a second create with the same request id; so it derives from the job id, as a UUID.
 */
export function requestId(jobId: string): string {
  const bytes = createHash("sha256").update(`haystack/${jobId}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const stopped = (): HaystackError =>
  new HaystackError("STEP_ABORTED", "The call to Google Batch was stopped.");

async function orStopped<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (signal === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(stopped());
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Error JOB_NOT_OURS for a job without these labels. */
export function expectOurs(
  jobId: string,
  job: GoogleJob,
  identity: Readonly<Record<string, string>>,
): void {
  const differing = Object.entries(identity).filter(
    ([label, value]) => job.labels?.[label] !== value,
  );
  if (differing.length === 0) return;
  const labels = differing.map(
    ([label, value]) => `${label} is ${job.labels?.[label] ?? "absent"} and not ${value}`,
  );
  throw new HaystackError(
    "JOB_NOT_OURS",
    `The job ${jobId} belongs to something else: its label ${labels.join(", ")}.`,
  );
}

export function googleBatchJobs(place: GoogleBatchPlace): GoogleBatchJobs {
  const parent = `projects/${place.project}/locations/${place.location}`;
  const options = clientOptions(place);
  const calls = () => callOptions(place);
  const nameOf = (jobId: string): string => `${parent}/jobs/${jobId}`;
  let opening: Promise<v1.BatchServiceClient> | undefined;

  // A call on a client that could not be initialized rejects behind our back; so that is awaited
  // first, and a failed client is dropped.
  const open = async (): Promise<v1.BatchServiceClient> => {
    const client = new v1.BatchServiceClient(options);
    await client.initialize();
    return client;
  };
  const connected = (): Promise<v1.BatchServiceClient> => {
    opening ??= open().catch((thrown: unknown) => {
      opening = undefined;
      throw thrown;
    });
    return opening;
  };

  const call = async <Result>(
    signal: AbortSignal | undefined,
    work: (client: v1.BatchServiceClient) => Promise<Result>,
  ): Promise<Result> => {
    if (signal?.aborted === true) throw stopped();
    try {
      return await work(await connected());
    } catch (thrown) {
      throw batchError(thrown);
    }
  };

  const find = async (
    client: v1.BatchServiceClient,
    jobId: string,
  ): Promise<GoogleJob | undefined> => {
    try {
      return (await client.getJob({ name: nameOf(jobId) }, calls()))[0];
    } catch (thrown) {
      if (grpcCode(thrown) === GRPC.NOT_FOUND) return undefined;
      throw thrown;
    }
  };

  const createOrFind = async (
    client: v1.BatchServiceClient,
    jobId: string,
    job: GoogleJob,
  ): Promise<GoogleJob> => {
    try {
      return (
        await client.createJob({ parent, jobId, job, requestId: requestId(jobId) }, calls())
      )[0];
    } catch (thrown) {
      if (grpcCode(thrown) !== GRPC.ALREADY_EXISTS) throw thrown;
      const found = await find(client, jobId);
      if (found === undefined)
        throw new HaystackError(
          "BATCH_UNAVAILABLE",
          `Google Batch reports that the job ${jobId} exists but does not return it yet; the call is repeated.`,
          { cause: thrown },
        );
      return found;
    }
  };

  return {
    async submit(jobId, body, identity, signal) {
      const job = await call(signal, (client) => createOrFind(client, jobId, body));
      expectOurs(jobId, job, identity);
      if (signal?.aborted === true) throw stopped();
      return job;
    },

    get: (jobId, signal) =>
      orStopped(
        call(signal, (client) => find(client, jobId)),
        signal,
      ),

    async unfinished(signal) {
      const list = async (client: v1.BatchServiceClient): Promise<readonly GoogleJob[]> => {
        const found: GoogleJob[] = [];
        for (let pageToken = ""; ;) {
          const [jobs, , { nextPageToken }] = await client.listJobs(
            { parent, filter: UNFINISHED, pageSize: PAGE, pageToken },
            { ...calls(), autoPaginate: false },
          );
          found.push(...jobs);
          if (nextPageToken == null || nextPageToken === "") return found;
          pageToken = nextPageToken;
        }
      };
      return orStopped(call(signal, list), signal);
    },

    async tasks(jobId, signal) {
      const list = async (client: v1.BatchServiceClient): Promise<readonly GoogleTask[]> => {
        try {
          return (
            await client.listTasks({ parent: `${nameOf(jobId)}/taskGroups/group0` }, calls())
          )[0];
        } catch (thrown) {
          if (grpcCode(thrown) === GRPC.NOT_FOUND) return [];
          throw thrown;
        }
      };
      return orStopped(call(signal, list), signal);
    },

    async cancel(jobId, signal) {
      const ask = async (client: v1.BatchServiceClient): Promise<void> => {
        const isStopping = async (): Promise<boolean> =>
          STOPPING.has((await find(client, jobId))?.status?.state);
        if (await isStopping()) return;
        try {
          await client.cancelJob({ name: nameOf(jobId) }, calls());
        } catch (thrown) {
          if (grpcCode(thrown) === GRPC.NOT_FOUND) return;
          // How Batch refuses to cancel a job that ended or stops is not documented; its state decides.
          if (await isStopping().catch(() => false)) return;
          throw thrown;
        }
      };
      await orStopped(call(signal, ask), signal);
    },

    async check(signal) {
      await orStopped(
        call(signal, (client) =>
          client.listJobs({ parent, pageSize: 1 }, { ...calls(), autoPaginate: false }),
        ),
        signal,
      );
      const askForNothing = async (client: v1.BatchServiceClient): Promise<void> => {
        try {
          await client.createJob({ parent, job: {} }, calls());
        } catch (thrown) {
          if (grpcCode(thrown) !== GRPC.INVALID_ARGUMENT) throw thrown;
        }
      };
      await orStopped(call(signal, askForNothing), signal);
    },

    async close() {
      const client = await opening?.catch(() => undefined);
      await client?.close();
    },
  };
}
