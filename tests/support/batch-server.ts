/**
 * Google Batch on this machine: a gRPC server from the protos that the client package ships. It
 * keeps jobs in memory, runs the container's command as a process, and tells of state changes as
 * Batch does. What real Batch leaves undocumented is marked.
 */
import { createRequire } from "node:module";
import type { protos } from "@google-cloud/batch";
import {
  type GrpcObject,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceClientConstructor,
  status,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { CallError, checkCreate, statesOfFilter } from "./batch-server-checks.ts";
import {
  type GoogleJob,
  type GoogleJobState,
  type GoogleTask,
  type JobHost,
  type JobScript,
  type LiveJob,
  liveJob,
} from "./batch-server-job.ts";

type Google = typeof protos.google.cloud.batch.v1;
type Create = InstanceType<Google["CreateJobRequest"]>;
type ByName = InstanceType<Google["GetJobRequest"]>;
type List = InstanceType<Google["ListTasksRequest"]>;
type ListOfJobs = InstanceType<Google["ListJobsRequest"]>;

export type Method =
  | "createJob"
  | "getJob"
  | "listJobs"
  | "deleteJob"
  | "cancelJob"
  | "getTask"
  | "listTasks";

export interface CallFault {
  readonly method?: Method;
  /** Only calls about this job. */
  readonly jobId?: string;
  /** So many next calls fail. Default 1. */
  readonly times?: number;
  /** gRPC status. Default UNAVAILABLE. */
  readonly code?: number;
  readonly details?: string;
  /** The call is carried out, and only its reply is lost. */
  readonly replyLost?: boolean;
  /**
   * Asked when the call comes; it is not answered before this resolves, and then as if nothing were
   * wrong.
   */
  readonly until?: () => Promise<unknown>;
}

export interface BatchServerOptions extends JobHost {
  /** Sends one message; a rejection is a lost message. */
  readonly publish?: (
    topic: string,
    attributes: Readonly<Record<string, string>>,
    data: string,
  ) => void | Promise<void>;
  /**
   * Google documents messages for these states only, which is the default; whether it tells of
   * cancellation is not known.
   */
  readonly tells?: readonly GoogleJobState[];
  /** Default: any free port. */
  readonly port?: number;
}

export interface BatchServer {
  /** `host:port` for the adapter. */
  readonly endpoint: string;
  /** The next calls fail. Returns a function that ends the fault. */
  readonly failCalls: (fault: CallFault) => () => void;
  /** The next `times` jobs created (that `match`) live by the script. */
  readonly scriptJobs: (
    script: JobScript,
    times?: number,
    match?: (job: GoogleJob) => boolean,
  ) => void;
  /** The job as it is now; undefined when unknown. */
  readonly job: (jobId: string) => GoogleJob | undefined;
  readonly log: (jobId: string) => string;
  /** Adds an event about the job, without a message to anybody. */
  readonly says: (jobId: string, description: string) => void;
  /** As after an hour: a repeated request id is no longer known. */
  readonly forgetRequests: () => void;
  /** Deletes the job as someone else would; resolves when it is gone. */
  readonly remove: (jobId: string) => Promise<void>;
  /** Every call so far, failed ones too. */
  readonly calls: { readonly method: Method; readonly request: unknown }[];
  /** Resolves when the job has (had) the state. */
  readonly reached: (jobId: string, state: GoogleJobState) => Promise<void>;
  /** Stops listening and kills what runs. */
  readonly close: () => Promise<void>;
}

const TOLD: readonly GoogleJobState[] = ["QUEUED", "SCHEDULED", "RUNNING", "SUCCEEDED", "FAILED"];
const ENDED: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);
/** What Batch gives at most is not documented; a larger page is cut to this. */
const LARGEST_PAGE = 100;
/** Messages name the project by its number. */
const PROJECT_NUMBER = "123456789012";

function batchService(): ServiceClientConstructor["service"] {
  const file = createRequire(import.meta.url).resolve(
    "@google-cloud/batch/build/protos/protos.json",
  );
  const definition = fromJSON(
    createRequire(import.meta.url)(file) as Parameters<typeof fromJSON>[0],
    { keepCase: false, longs: String, enums: String, defaults: false },
  );
  const path = ["google", "cloud", "batch", "v1", "BatchService"];
  const found = path.reduce<unknown>(
    (node, name) => (node as GrpcObject)[name],
    loadPackageDefinition(definition),
  );
  return (found as ServiceClientConstructor).service;
}

interface Stored {
  readonly live: LiveJob;
  hiddenCalls: number;
}

export async function batchServer(options: BatchServerOptions): Promise<BatchServer> {
  const { publish, tells = TOLD } = options;
  const jobs = new Map<string, Stored>();
  const nameByRequest = new Map<string, string>();
  const faults: { fault: CallFault; left: number }[] = [];
  const scripts: { script: JobScript; match: (job: GoogleJob) => boolean; left: number }[] = [];
  const calls: BatchServer["calls"] = [];
  const history: { readonly jobId: string; readonly state: GoogleJobState }[] = [];
  const waiting = new Set<() => void>();
  let made = 0;

  const idOf = (name: string): string => name.split("/")[5] ?? "";

  const onState = (job: GoogleJob, before: GoogleJobState, now: GoogleJobState): void => {
    const jobId = idOf(job.name ?? "");
    history.push({ jobId, state: now });
    for (const check of waiting) check();
    if (publish === undefined || !tells.includes(now)) return;
    const name = (job.name ?? "").replace(/^projects\/[^/]+/, `projects/${PROJECT_NUMBER}`);
    const attributes = {
      Type: "JOB_STATE_CHANGED",
      JobName: name,
      JobUID: job.uid ?? "",
      OldJobState: before,
      NewJobState: now,
      Region: name.split("/")[3] ?? "",
    };
    const data = `Job state was updated: jobUID=${job.uid}, previousState=${before}, currentState=${now}, timestamp=${new Date().toISOString()}`;
    for (const { pubsubTopic, message } of job.notifications ?? []) {
      if (message?.type !== "JOB_STATE_CHANGED") continue;
      // A message that cannot be sent is lost; jobs go on.
      (async () => publish(pubsubTopic ?? "", attributes, data))().catch(() => undefined);
    }
  };

  const visible = (name: string): Stored => {
    const stored = jobs.get(name.split("/").slice(0, 6).join("/"));
    if (stored === undefined || stored.hiddenCalls-- > 0)
      throw new CallError(status.NOT_FOUND, `Resource '${name}' was not found`);
    return stored;
  };

  const scriptFor = (job: GoogleJob): JobScript => {
    const found = scripts.find(({ left, match }) => left > 0 && match(job));
    if (found === undefined) return {};
    found.left--;
    return found.script;
  };

  const createJob = (request: Create): GoogleJob => {
    checkCreate(request);
    const { parent, requestId } = request;
    const known = jobs.get(nameByRequest.get(requestId) ?? "");
    if (known !== undefined) return known.live.show();
    const jobId =
      request.jobId === "" || request.jobId === undefined ? `j-${++made}` : request.jobId;
    const name = `${parent}/jobs/${jobId}`;
    if (jobs.has(name))
      throw new CallError(status.ALREADY_EXISTS, `Resource '${name}' already exists`);
    const job: GoogleJob = { ...request.job, name, uid: `${jobId.slice(0, 30)}-uid${++made}` };
    const script = scriptFor(job);
    if (requestId !== "" && requestId !== undefined) nameByRequest.set(requestId, name);
    const live = liveJob(job, options, script, onState);
    jobs.set(name, { live, hiddenCalls: script.hiddenCalls ?? 0 });
    return live.show();
  };

  const operation = { name: "projects/p/locations/l/operations/op-1", done: false };

  const cancelJob = ({ name }: ByName): typeof operation => {
    const { live } = visible(name);
    // As reported: a job that is being cancelled refuses another cancellation, and one that was
    // cancelled takes it. With which code is not documented; nor how an ended job refuses.
    if (live.state() === "CANCELLED") return operation;
    if (live.state() === "CANCELLATION_IN_PROGRESS")
      throw new CallError(status.ABORTED, `Job ${name} is being cancelled`);
    if (ENDED.has(live.state()))
      throw new CallError(status.FAILED_PRECONDITION, `Job ${name} has ended`);
    live.stop("cancel");
    return operation;
  };

  const remove = async (name: string): Promise<void> => {
    const { live } = visible(name);
    live.stop("delete");
    await live.ended;
    jobs.delete(name);
  };

  const deleteJob = ({ name }: ByName): typeof operation => {
    visible(name);
    void remove(name);
    return operation;
  };

  const taskNamed = (tasks: readonly GoogleTask[], name: string): GoogleTask => {
    const found = tasks.find((task) => task.name === name);
    if (found === undefined) throw new CallError(status.NOT_FOUND, `Task ${name} was not found`);
    return found;
  };

  const listJobs = ({ parent, filter, pageSize, pageToken }: ListOfJobs) => {
    const states = statesOfFilter(filter);
    const found = [...jobs]
      .filter(
        ([name, { live }]) =>
          name.startsWith(`${parent}/`) && (states === undefined || states.includes(live.state())),
      )
      .map(([, { live }]) => live.show());
    const size = pageSize > 0 ? Math.min(pageSize, LARGEST_PAGE) : LARGEST_PAGE;
    const first = Number(pageToken === "" ? 0 : (pageToken ?? 0));
    return {
      jobs: found.slice(first, first + size),
      ...(first + size < found.length ? { nextPageToken: String(first + size) } : {}),
    };
  };

  const methods: Readonly<Record<Method, (request: never) => unknown>> = {
    createJob,
    cancelJob,
    deleteJob,
    getJob: ({ name }: ByName): GoogleJob => visible(name).live.show(),
    getTask: ({ name }: ByName): GoogleTask => taskNamed(visible(name).live.tasks(), name),
    listTasks: ({ parent }: List) => ({ tasks: visible(parent).live.tasks() }),
    listJobs,
  };

  const answer = async (method: Method, request: unknown): Promise<unknown> => {
    calls.push({ method, request });
    const found = faults.find(
      ({ fault, left }) =>
        left > 0 &&
        (fault.method === undefined || fault.method === method) &&
        (fault.jobId === undefined ||
          idOf((request as { name?: string }).name ?? "") === fault.jobId),
    );
    if (found !== undefined) {
      found.left--;
      const {
        code = status.UNAVAILABLE,
        details = "The service is currently unavailable",
        replyLost = false,
        until,
      } = found.fault;
      if (replyLost) methods[method](request as never);
      if (until === undefined) throw new CallError(code, details);
      await until();
    }
    return methods[method](request as never);
  };

  const server = new Server();
  const implementation: UntypedServiceImplementation = Object.fromEntries(
    (Object.keys(methods) as Method[]).map((method) => [
      method,
      (call: ServerUnaryCall<unknown, unknown>, reply: sendUnaryData<unknown>): void => {
        answer(method, call.request).then(
          (value) => reply(null, value),
          (error: unknown) => reply(error as CallError),
        );
      },
    ]),
  );
  server.addService(batchService(), implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      `127.0.0.1:${options.port ?? 0}`,
      ServerCredentials.createInsecure(),
      (error, bound) => (error === null ? resolve(bound) : reject(error)),
    );
  });

  const nameOf = (jobId: string): string =>
    [...jobs.keys()].find((name) => idOf(name) === jobId) ?? "";
  const byId = (jobId: string): LiveJob | undefined => jobs.get(nameOf(jobId))?.live;

  return {
    endpoint: `127.0.0.1:${port}`,
    failCalls(fault) {
      const entry = { fault, left: fault.times ?? 1 };
      faults.push(entry);
      return () => {
        entry.left = 0;
      };
    },
    scriptJobs(script, times = 1, match = () => true) {
      scripts.push({ script, match, left: times });
    },
    job: (jobId) => byId(jobId)?.show(),
    log: (jobId) => byId(jobId)?.log() ?? "",
    says: (jobId, description) => byId(jobId)?.says(description),
    remove: (jobId) => remove(nameOf(jobId)),
    forgetRequests: () => nameByRequest.clear(),
    calls,
    reached(jobId, state) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const check = (): void => {
        if (!history.some((entry) => entry.jobId === jobId && entry.state === state)) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
      return promise;
    },
    async close() {
      server.forceShutdown();
      for (const { live } of jobs.values()) if (!ENDED.has(live.state())) live.stop("delete");
      await Promise.all([...jobs.values()].map(({ live }) => live.ended));
    },
  };
}
