import { expect, onTestFinished, test } from "vitest";
import { inferencePairs } from "../../actors/inference-pairs.ts";
import { googleImportJobs } from "../../services/batch/google/import-jobs.ts";
import {
  type GoogleJob,
  type GoogleJobSettings,
  inferenceWork,
  jobBody,
} from "../../services/batch/google/job.ts";
import { identityOf, labelValue } from "../../services/batch/google/labels.ts";
import { requestId } from "../../services/batch/google/jobs.ts";
import type { InferenceJobSpec } from "../../services/batch/index.ts";
import { jobSpec } from "./batch.contract.ts";
import { googleHarness, offersOf } from "./google-batch-harness.ts";

const SETTINGS: GoogleJobSettings = {
  image: "europe-docker.pkg.dev/p/haystack/worker:1",
  machineType: "g2-standard-8",
  accelerator: { type: "nvidia-l4", count: 1 },
  bootDisk: { sizeGb: 100, image: "batch-cos", type: "pd-balanced" },
  allowedLocations: ["zones/us-central1-a", "zones/us-central1-b"],
  serviceAccount: "jobs@p.iam.gserviceaccount.com",
  network: {
    network: "global/networks/n",
    subnetwork: "regions/us-central1/subnetworks/s",
    noExternalIp: true,
  },
  labels: { team: "cytokines" },
  cpuMilli: 8000,
  memoryMib: 30_000,
  bucket: "the-bucket/haystack",
  containerOptions: "--shm-size=8g",
  environment: { STACK_CHECKPOINT: "/mnt/disks/haystack/models/stack.ckpt" },
  secretEnvironment: { TOKEN: "projects/p/secrets/t/versions/1" },
  topic: "projects/p/topics/batch-events",
};

const spec = jobSpec({
  run_id: "r1",
  iteration: 2,
  kind: "control",
  attempt: 3,
  pairs: inferencePairs({ run_id: "r1", iteration: 2, kind: "control" }),
  manifest: "batch-io/r1/iter_2/control_manifest.json",
  seed: 7,
  max_run_seconds: 7200,
});
const labels = {
  team: "cytokines",
  "haystack-run": "r1",
  "haystack-iteration": "2",
  "haystack-kind": "control",
  "haystack-attempt": "3",
};
const BODY: GoogleJob = {
  taskGroups: [
    {
      taskCount: 1,
      parallelism: 1,
      taskSpec: {
        runnables: [
          {
            displayName: "control",
            container: {
              imageUri: "europe-docker.pkg.dev/p/haystack/worker:1",
              entrypoint: "python",
              commands: [
                "-m",
                "haystack_worker",
                "--prompt",
                "/mnt/disks/haystack/batch-io/r1/iter_2/control_prompt.h5ad",
                "--query",
                "/mnt/disks/haystack/batch-io/r1/iter_2/query.h5ad",
                "--output",
                "/mnt/disks/haystack/batch-io/r1/iter_2/control_predictions.h5ad",
                "--seed",
                "7",
              ],
              options: "--shm-size=8g",
            },
            environment: {
              variables: { STACK_CHECKPOINT: "/mnt/disks/haystack/models/stack.ckpt" },
              secretVariables: { TOKEN: "projects/p/secrets/t/versions/1" },
            },
          },
        ],
        computeResource: { cpuMilli: 8000, memoryMib: 30_000 },
        maxRunDuration: { seconds: 7200 },
        maxRetryCount: 0,
        volumes: [
          {
            gcs: { remotePath: "the-bucket/haystack" },
            mountPath: "/mnt/disks/haystack",
            mountOptions: [
              "-o rw",
              "-o allow_other",
              "-implicit-dirs",
              "--uid=10001",
              "--gid=10001",
            ],
          },
        ],
      },
    },
  ],
  allocationPolicy: {
    location: { allowedLocations: ["zones/us-central1-a", "zones/us-central1-b"] },
    labels,
    serviceAccount: { email: "jobs@p.iam.gserviceaccount.com" },
    network: {
      networkInterfaces: [
        {
          network: "global/networks/n",
          subnetwork: "regions/us-central1/subnetworks/s",
          noExternalIpAddress: true,
        },
      ],
    },
    instances: [
      {
        installGpuDrivers: true,
        policy: {
          machineType: "g2-standard-8",
          provisioningModel: "SPOT",
          accelerators: [{ type: "nvidia-l4", count: 1 }],
          bootDisk: { sizeGb: 100, image: "batch-cos", type: "pd-balanced" },
        },
      },
    ],
  },
  labels,
  logsPolicy: { destination: "CLOUD_LOGGING" },
  notifications: [
    { pubsubTopic: "projects/p/topics/batch-events", message: { type: "JOB_STATE_CHANGED" } },
  ],
};

/** 64-bit integers travel as text. */
const asReceived = (body: unknown): unknown =>
  JSON.parse(
    JSON.stringify(body, (key, value: unknown) =>
      ["taskCount", "parallelism", "cpuMilli", "memoryMib", "seconds", "count", "sizeGb"].includes(
        key,
      )
        ? String(value)
        : value,
    ),
  );

test("a round is named by its manifest, a single pair by its files", () => {
  const pairs = inferencePairs({ run_id: "r1", iteration: 2, kind: "round" });
  const manifest = "batch-io/r1/iter_2/round_manifest.json";
  const commands = (changes: Partial<InferenceJobSpec>) =>
    inferenceWork({ ...spec, ...changes }, SETTINGS, "SPOT").commands;
  expect(commands({ kind: "round", pairs, manifest })).toEqual([
    "-m",
    "haystack_worker",
    "--manifest",
    `/mnt/disks/haystack/${manifest}`,
    "--seed",
    "7",
  ]);
  expect(commands({})).not.toContain("--manifest");
});

test("the body has every setting", () => {
  expect(jobBody(SETTINGS, inferenceWork(spec, SETTINGS, "SPOT"), "us-central1")).toEqual(BODY);
});

test("the real client sends the body whole, and with our job id and request id", async () => {
  const { machineType, accelerator: _, ...settings } = SETTINGS;
  const offers = offersOf(`${machineType} with 1 nvidia-l4`);
  const { batch, server } = await googleHarness(
    { ...settings, offers },
    {
      volumes: { "the-bucket/haystack": "/nowhere" },
    },
  );
  await batch.submit(spec);
  expect(server.calls).toStrictEqual([
    {
      method: "createJob",
      request: {
        parent: "projects/p/locations/us-central1",
        jobId: spec.job_id,
        job: asReceived(BODY),
        requestId: requestId(spec.job_id),
      },
    },
  ]);
});

test("what is not set is left out, so that Batch's defaults hold", () => {
  const { image, machineType, bucket, topic } = SETTINGS;
  const body = jobBody(
    { image, machineType, bucket, topic },
    inferenceWork(spec, SETTINGS, "STANDARD"),
    "us-central1",
  );
  expect(body.allocationPolicy).toEqual({
    location: { allowedLocations: ["regions/us-central1"] },
    labels: { ...labels, team: undefined },
    instances: [
      { installGpuDrivers: false, policy: { machineType, provisioningModel: "STANDARD" } },
    ],
  });
  expect(Object.keys(body.taskGroups?.[0]?.taskSpec ?? {})).toEqual([
    "runnables",
    "maxRunDuration",
    "maxRetryCount",
    "volumes",
  ]);
  expect(Object.keys(body.taskGroups?.[0]?.taskSpec?.runnables?.[0] ?? {})).toEqual([
    "displayName",
    "container",
  ]);
});

test("a job of another kind has its own commands, environment and identity", () => {
  const work = {
    name: "run",
    commands: ["job"],
    environment: { RUN_ID: "r1" },
    identity: { "haystack-run": "r1" },
    provisioning: "STANDARD",
    maxRunSeconds: 1e9,
    mountsBucket: false,
  } as const;
  const body = jobBody(SETTINGS, work, "us-central1");
  const task = body.taskGroups?.[0]?.taskSpec;
  expect(task?.runnables?.[0]?.container?.commands).toEqual(["job"]);
  expect(task?.runnables?.[0]?.environment?.variables).toEqual({
    ...SETTINGS.environment,
    RUN_ID: "r1",
  });
  expect(task?.maxRunDuration?.seconds).toBe(14 * 86_400);
  expect(body.labels).toEqual({ team: "cytokines", "haystack-run": "r1" });
  expect(task?.volumes).toEqual([]);
});

test("a mount option with a comma is refused, as Google Batch does", async () => {
  const { batch } = await googleHarness({ mountOptions: ["-o rw,allow_other"] });
  await expect(batch.submit(jobSpec())).rejects.toMatchObject({
    code: "BATCH_REFUSED",
    message: expect.stringContaining("potential shell injection") as string,
  });
});

test("labels are valid and differ where run ids differ", () => {
  expect(labelValue("run-1_b")).toBe("run-1_b");
  const odd = ["Run 1", "run 1", "RUN 1", "x".repeat(64), "x".repeat(65), "é", ""];
  const values = odd.map(labelValue);
  expect(new Set(values).size).toBe(odd.length);
  for (const value of values) expect(value).toMatch(/^[a-z0-9_-]{1,63}$/);
});

test("a job of a run with an odd id is accepted, and adopted", async () => {
  const { batch, server } = await googleHarness();
  const odd = jobSpec({ run_id: "Run 1 of Ana's" });
  await batch.submit(odd);
  await batch.submit(odd);
  expect(server.job(odd.job_id)?.labels).toStrictEqual(identityOf(odd));
});

test("the request id is a UUID, the same for the same job and no other", () => {
  expect(requestId("a")).toBe(requestId("a"));
  expect(requestId("a")).not.toBe(requestId("b"));
  expect(requestId("a")).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

test.each([
  ["a label", { labels: { team: "Cytokines" } }],
  [
    "a region beside its zone",
    { allowedLocations: ["regions/us-central1", "zones/us-central1-a"] },
  ],
  ["a topic", { topic: "batch-events" }],
])("%s that Batch refuses is BATCH_REFUSED, not to be tried again", async (_, changes) => {
  const { batch, server } = await googleHarness(changes);
  await expect(batch.submit(jobSpec())).rejects.toMatchObject({
    code: "BATCH_REFUSED",
    retryable: false,
    message: expect.stringMatching(
      /^Google Batch refused the request: .*; correct .*\.$/,
    ) as string,
  });
  expect(server.calls).toHaveLength(1);
});

test("a job of several tasks repeats what a machine took with it, and not what would fail again", () => {
  const work = {
    name: "import",
    commands: ["job"],
    identity: { "haystack-import": "0123456789abcdef01234567" },
    provisioning: "STANDARD",
    maxRunSeconds: 60,
    mountsBucket: false,
    isAwaited: false,
    tasks: { count: 3, retries: 3, final: [2, 125] },
  } as const;
  const body = jobBody(SETTINGS, work, "us-central1");
  expect(body.taskGroups?.[0]).toMatchObject({
    taskCount: 3,
    parallelism: 3,
    taskCountPerNode: 1,
    taskSpec: {
      maxRetryCount: 3,
      lifecyclePolicies: [{ action: "FAIL_TASK", actionCondition: { exitCodes: [2, 125] } }],
    },
  });
  expect(body.notifications).toEqual([]);
});

test("the disk of an import holds the source, and what is made of it", async () => {
  const { server, options } = await googleHarness();
  const jobs = googleImportJobs({
    ...options,
    machineType: "e2-standard-8",
    bootDisk: { sizeGb: 100 },
    maxRunSeconds: 60,
  });
  onTestFinished(() => jobs.close());
  const work = { import_id: "0123456789abcdef01234567", attempt: 1, tasks: 2 };
  const sizes: unknown[] = [];
  for (const [at, source_bytes, is_packed] of [
    [1, 1e9, false],
    [2, 80e9, false],
    [3, 80e9, true],
  ] as const) {
    const job_id = `hs-import-0123456789abcdef01234567-${at}`;
    await jobs.submit({ ...work, job_id, source_bytes, is_packed });
    sizes.push(
      Number(server.job(job_id)?.allocationPolicy?.instances?.[0]?.policy?.bootDisk?.sizeGb),
    );
  }
  expect(sizes).toEqual([100, 260, 980]);
});

test("why an import's job failed is told of its own image and machine", async () => {
  const { server, options } = await googleHarness();
  const jobs = googleImportJobs({
    ...options,
    machineType: "e2-standard-8",
    image: "missing",
    maxRunSeconds: 60,
  });
  onTestFinished(() => jobs.close());
  const failing = {
    job_id: "hs-import-0123456789abcdef01234567-1",
    import_id: "0123456789abcdef01234567",
    attempt: 1,
    tasks: 2,
    source_bytes: 1,
    is_packed: false,
  };
  await jobs.submit(failing);
  await server.reached(failing.job_id, "FAILED");
  expect(await jobs.submit(failing)).toMatchObject({
    state: "FAILED",
    failure: {
      kind: "application",
      exit_code: 125,
      reason: expect.stringMatching(/DISPATCH_IMAGE exists.*Cloud Logging/) as string,
    },
  });
  // Such a task is not repeated: nothing would change.
  expect(
    server.job(failing.job_id)?.status?.statusEvents?.map((event) => event.description),
  ).toEqual(expect.not.arrayContaining([expect.stringMatching(/to PENDING/)]));
});
