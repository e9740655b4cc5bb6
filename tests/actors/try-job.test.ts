import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { tryJob, type TrialFindings } from "../../actors/try-job.ts";
import { googleTrialJobs } from "../../services/batch/google/trial-jobs.ts";
import type { JobState } from "../../services/batch/index.ts";
import { systemClock } from "../../services/clock/system.ts";
import { inProcessJobEvents } from "../../services/job-events/in-process.ts";
import { directoryObjects } from "../../services/objects/directory/store.ts";
import { type BatchServer, batchServer, type BatchServerOptions } from "../support/batch-server.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const IMAGE = "europe-docker.pkg.dev/p/haystack/worker:1";
const JOB = "hs-doctor-0123456789abcdef";
const PERMISSION =
  "Batch Error: code - CODE_GCE_PERMISSION_DENIED, description - Required 'iam.serviceAccounts.actAs' permission.";

interface Trial {
  readonly server?: Partial<BatchServerOptions>;
  readonly image?: string;
  readonly prepare?: (server: BatchServer) => void;
  /** Whether the message comes; for one that does not there is no time. */
  readonly isTold?: boolean;
  /** What is seen of the job when it has had time enough; otherwise it has until it ends. */
  readonly timeIsOver?: RegExp;
}

/** A trial against Batch on this machine, with a folder as the bucket. */
async function trial({
  server: changes = {},
  image = IMAGE,
  prepare,
  isTold = true,
  timeIsOver,
}: Trial): Promise<{ found: TrialFindings; server: BatchServer; left: string[] }> {
  const bucket = await temporaryFolder();
  const jobEvents = inProcessJobEvents({ clock: systemClock });
  const server = await batchServer({
    images: { [IMAGE]: [process.execPath] },
    volumes: { "the-bucket": bucket },
    publish(_topic, { JobName = "", JobUID, NewJobState }) {
      if (!isTold) return;
      void jobEvents.publish({
        event_id: `${JobUID}.${NewJobState}`,
        job_id: JobName.split("/").at(-1) ?? "",
        state: NewJobState as JobState,
      });
    },
    ...changes,
  });
  onTestFinished(() => server.close());
  prepare?.(server);
  const jobs = googleTrialJobs({
    project: "p",
    location: "us-central1",
    endpoint: server.endpoint,
    image,
    machineType: "e2-standard-2",
    bucket: "the-bucket",
    serviceAccount: "jobs@p.iam.gserviceaccount.com",
    network: { network: "global/networks/n", noExternalIp: true },
    topic: "projects/p/topics/batch-events",
  });
  onTestFinished(() => jobs.close());
  const objects = directoryObjects({ root: bucket });
  // The job writes below folders that are there.
  await mkdir(join(bucket, "doctor", JOB), { recursive: true });
  let seen = "";
  const found = await tryJob(
    {
      objects,
      jobs,
      jobEvents,
      async pause(waitsFor) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return waitsFor === "message" ? !isTold : timeIsOver?.test(seen) === true;
      },
      onState: (state) => void (seen = state),
    },
    JOB,
  );
  const left: string[] = [];
  for await (const path of objects.list("")) left.push(path);
  return { found, server, left };
}

test("a job with account, network, image, mount and topic of GPU jobs is run on a machine without accelerators", async () => {
  const { found, server, left } = await trial({});
  expect(found).toEqual({ machine: null, image: null, mount: null, topic: null });
  const { allocationPolicy, taskGroups, notifications } = server.job(JOB) ?? {};
  expect(allocationPolicy?.serviceAccount?.email).toBe("jobs@p.iam.gserviceaccount.com");
  expect(allocationPolicy?.network?.networkInterfaces?.[0]?.network).toBe("global/networks/n");
  expect(allocationPolicy?.instances?.[0]).toMatchObject({
    installGpuDrivers: false,
    policy: { machineType: "e2-standard-2", provisioningModel: "STANDARD" },
  });
  expect(taskGroups?.[0]?.taskSpec).toMatchObject({
    maxRunDuration: { seconds: "60" },
    runnables: [{ container: { imageUri: IMAGE } }],
    volumes: [{ gcs: { remotePath: "the-bucket" } }],
  });
  expect(notifications?.[0]?.pubsubTopic).toBe("projects/p/topics/batch-events");
  expect(left).toEqual([]);
});

const said = (words: RegExp) => expect.stringMatching(words) as string;

test.each<[string, Trial, Partial<TrialFindings>]>([
  [
    "the daemon may not make jobs",
    {
      prepare: (server) =>
        server.failCalls({
          method: "createJob",
          code: status.PERMISSION_DENIED,
          details: "Permission 'batch.jobs.create' denied",
        }),
    },
    { machine: said(/batch\.jobs\.create/) },
  ],
  [
    "the daemon may do nothing with jobs",
    {
      prepare(server) {
        for (const method of ["createJob", "getJob", "cancelJob"] as const)
          server.failCalls({
            method,
            code: status.PERMISSION_DENIED,
            details: `Permission for ${method} denied`,
            times: 100,
          });
      },
    },
    { machine: said(/createJob denied/) },
  ],
  [
    "the account of the jobs may not be used",
    { prepare: (server) => server.scriptJobs({ failInQueue: PERMISSION }) },
    { machine: said(/actAs/) },
  ],
  [
    "no machine comes, and Batch says why",
    {
      timeIsOver: /actAs/,
      prepare: (server) =>
        server.scriptJobs({
          hold: { SCHEDULED: new Promise(() => undefined) },
          says: { SCHEDULED: PERMISSION },
        }),
    },
    { machine: said(/actAs.*give the account that role/) },
  ],
  [
    "no machine comes, and Batch does not say why",
    {
      timeIsOver: /^SCHEDULED$/,
      prepare: (server) => server.scriptJobs({ hold: { SCHEDULED: new Promise(() => undefined) } }),
    },
    { machine: said(/SCHEDULED.*agentReporter/) },
  ],
  ["there is no such image", { image: "nowhere/none:1" }, { machine: null, image: said(/125/) }],
  [
    "the image has no shell",
    { server: { withoutShell: [IMAGE] } },
    { machine: null, image: said(/no \/bin\/sh/), mount: undefined },
  ],
  [
    "the bucket cannot be read where it is mounted",
    { server: { volumes: { "the-bucket": "/nowhere" } } },
    { machine: null, image: null, mount: said(/exit code 2.*objectUser/) },
  ],
  [
    "the machine is lost",
    {
      prepare: (server) =>
        server.scriptJobs({ exitCode: 50002, hold: { RUNNING: Promise.resolve() } }),
    },
    { machine: said(/50002/) },
  ],
  [
    "no message comes",
    { isTold: false },
    { machine: null, image: null, mount: null, topic: said(/pubsub\.publisher/) },
  ],
])("the part that fails is named: %s", async (_, how, expected) => {
  const { found, server, left } = await trial(how);
  expect(found).toMatchObject(expected);
  for (const [part, finding] of Object.entries(found))
    if (typeof finding === "string") expect(Object.keys(expected)).toContain(part);
  expect(left).toEqual([]);
  const state = server.job(JOB)?.status?.state;
  expect([undefined, "SUCCEEDED", "FAILED", "CANCELLED", "CANCELLATION_IN_PROGRESS"]).toContain(
    state,
  );
});
