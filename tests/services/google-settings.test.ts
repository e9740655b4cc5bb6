import { expect, onTestFinished, test } from "vitest";
import { openImportJobs } from "../../adapters/dispatch.ts";
import { googleService } from "../../adapters/inference.ts";
import { openTrialJobs } from "../../adapters/trial-jobs.ts";
import { loadConfig } from "../../config.ts";
import { given } from "../../given.ts";
import type { GoogleJob } from "../support/batch-server-job.ts";
import { batchServer } from "../support/batch-server.ts";
import { jobSpec } from "./batch.contract.ts";

/** The jobs that this configuration makes: of a GPU, and of the orchestrator's own image. */
async function jobsOf(
  changes: Readonly<Record<string, string>>,
  moves: readonly number[] = [0],
): Promise<{
  readonly gpu: GoogleJob;
  readonly own: GoogleJob;
  /** That of `haystack doctor --job`. */
  readonly trial: GoogleJob;
  /** That of a run which was moved on so often, for each. */
  readonly moved: readonly GoogleJob[];
}> {
  const server = await batchServer({ images: {}, volumes: {} });
  onTestFinished(() => server.close());
  const config = loadConfig(
    {
      BATCH_PROJECT: "p",
      BATCH_IMAGE: "us-docker.pkg.dev/p/haystack/worker:1",
      BATCH_ENDPOINT: server.endpoint,
      GCS_BUCKET: "b",
      PUBSUB_TOPIC: "t",
      PUBSUB_SUBSCRIPTION: "s",
      DISPATCH: "batch",
      DISPATCH_IMAGE: "us-docker.pkg.dev/p/haystack/orchestrator:1",
      MONGODB_URI: "mongodb://127.0.0.1",
      SENDGRID_API_KEY: "SG.x",
      MAIL_FROM: "haystack@example.org",
      DISPATCH_SECRETS: "SENDGRID_API_KEY=projects/p/secrets/s/versions/1",
      ...changes,
    },
    "/nowhere",
  );
  const imports = await openImportJobs(config, {});
  const inference = await googleService(config);
  const trials = await openTrialJobs(config);
  for (const opened of [imports, inference, trials]) onTestFinished(() => opened.close());
  const spec = jobSpec();
  const moved: GoogleJob[] = [];
  for (const [at, times] of moves.entries()) {
    const job_id = `${spec.job_id}${at + 1}`;
    await inference.submit({
      ...spec,
      job_id,
      ...given({ offer: inference.offer(0, times) ?? undefined }),
    });
    moved.push(server.job(job_id) ?? {});
  }
  const own = "hs-import-0123456789abcdef01234567-1";
  await imports.submit({
    job_id: own,
    import_id: "0123456789abcdef01234567",
    attempt: 1,
    tasks: 1,
    source_bytes: 1,
    is_packed: false,
  });
  await trials.submit({ job_id: "hs-trial-1", from: "from", to: "to" });
  return {
    gpu: moved[0] ?? {},
    own: server.job(own) ?? {},
    trial: server.job("hs-trial-1") ?? {},
    moved,
  };
}

const policyOf = ({ allocationPolicy }: GoogleJob) => allocationPolicy?.instances?.[0]?.policy;
const accountOf = ({ allocationPolicy }: GoogleJob) => allocationPolicy?.serviceAccount?.email;

test("without any setting nothing is sent that Batch would have to agree to", async () => {
  const { gpu, own } = await jobsOf({});
  for (const job of [gpu, own]) {
    expect(job.allocationPolicy).not.toHaveProperty("network");
    expect(job.allocationPolicy).not.toHaveProperty("serviceAccount");
    expect(policyOf(job)).not.toHaveProperty("reservation");
    expect(policyOf(job)?.bootDisk).toStrictEqual({ sizeGb: "100" });
  }
});

test("GPU jobs and the orchestrator's own have accounts of their own", async () => {
  const gpuAccount = { BATCH_SERVICE_ACCOUNT: "gpu@p.iam.gserviceaccount.com" };
  const one = await jobsOf(gpuAccount);
  expect([accountOf(one.gpu), accountOf(one.own)]).toEqual([
    "gpu@p.iam.gserviceaccount.com",
    "gpu@p.iam.gserviceaccount.com",
  ]);
  const two = await jobsOf({
    ...gpuAccount,
    DISPATCH_SERVICE_ACCOUNT: "runs@p.iam.gserviceaccount.com",
  });
  expect([accountOf(two.gpu), accountOf(two.own)]).toEqual([
    "gpu@p.iam.gserviceaccount.com",
    "runs@p.iam.gserviceaccount.com",
  ]);
});

test("each machine starts from a disk that it takes", async () => {
  const [gpu, own] = [
    {
      BATCH_MACHINE_TYPE: "g4-standard-48",
      BATCH_ACCELERATOR: "nvidia-rtx-pro-6000",
      BATCH_PRICES: "g4-standard-48 with 1 nvidia-rtx-pro-6000=1/4",
    },
    { DISPATCH_MACHINE_TYPE: "c4-standard-4" },
  ];
  const types = async (changes: Readonly<Record<string, string>>) => {
    const jobs = await jobsOf(changes);
    return [policyOf(jobs.gpu)?.bootDisk?.type, policyOf(jobs.own)?.bootDisk?.type];
  };
  expect(await types({ ...gpu, ...own })).toEqual(["hyperdisk-balanced", "hyperdisk-balanced"]);
  expect(await types({ ...gpu, BATCH_BOOT_DISK_TYPE: "hyperdisk-extreme" })).toEqual([
    "hyperdisk-extreme",
    undefined,
  ]);
  expect(await types({ ...own, BATCH_BOOT_DISK_TYPE: "pd-ssd" })).toEqual([
    "pd-ssd",
    "hyperdisk-balanced",
  ]);
  expect(await types({ BATCH_BOOT_DISK_TYPE: "pd-ssd" })).toEqual(["pd-ssd", "pd-ssd"]);
});

test("a network, a reservation, an image that is streamed and one's own image of the disk", async () => {
  const { gpu, own } = await jobsOf({
    BATCH_NETWORK: "projects/shared/global/networks/n",
    BATCH_SUBNETWORK: "projects/shared/regions/us-central1/subnetworks/s",
    BATCH_NO_EXTERNAL_IP: "true",
    BATCH_ALLOWED_LOCATIONS: "zones/us-central1-a,zones/us-central1-ai1a",
    BATCH_LABELS: "team=zytokine_ä,empty=",
    BATCH_PROVISIONING: "STANDARD",
    BATCH_RESERVATION: "ours",
    BATCH_IMAGE_STREAMING: "true",
    GCS_USER_PROJECT: "who-pays",
    BATCH_BOOT_DISK_IMAGE: "projects/p/global/images/family/stack",
  });
  for (const job of [gpu, own])
    expect(job).toMatchObject({
      labels: { team: "zytokine_ä", empty: "" },
      allocationPolicy: {
        location: { allowedLocations: ["zones/us-central1-a", "zones/us-central1-ai1a"] },
        network: {
          networkInterfaces: [
            {
              network: "projects/shared/global/networks/n",
              subnetwork: "projects/shared/regions/us-central1/subnetworks/s",
              noExternalIpAddress: true,
            },
          ],
        },
        instances: [{ policy: { bootDisk: { image: "projects/p/global/images/family/stack" } } }],
      },
    });
  const containerOf = ({ taskGroups }: GoogleJob) =>
    taskGroups?.[0]?.taskSpec?.runnables?.[0]?.container;
  expect([policyOf(gpu)?.reservation, containerOf(gpu)?.enableImageStreaming]).toEqual([
    "ours",
    true,
  ]);
  expect(gpu.taskGroups?.[0]?.taskSpec?.volumes?.[0]?.mountOptions).toEqual([
    "-o rw",
    "-o allow_other",
    "-implicit-dirs",
    "--uid=10001",
    "--gid=10001",
    "--billing-project=who-pays",
  ]);
  // A reservation is of GPU machines.
  expect(policyOf(own)).not.toHaveProperty("reservation");
  expect(containerOf(own)).not.toHaveProperty("enableImageStreaming");
});

test("each offer has the places, subnetwork and disk of its own region and machine, and the orchestrator's own jobs have theirs", async () => {
  const { moved, own } = await jobsOf(
    {
      BATCH_LOCATION: "us-central1",
      BATCH_OFFERS: [
        "us-central1/g2-standard-8 with 1 nvidia-l4/SPOT=0.35",
        "us-east4/g4-standard-48 with 1 nvidia-rtx-pro-6000/STANDARD=4",
        "europe-west4/g2-standard-8 with 1 nvidia-l4/FLEX_START=0.6",
      ].join(","),
      BATCH_ALLOWED_LOCATIONS: "zones/us-central1-a,zones/us-central1-b,zones/us-east4-c",
      BATCH_NETWORK: "global/networks/n",
      BATCH_SUBNETWORK: "regions/{region}/subnetworks/s",
      BATCH_BOOT_DISK_TYPE: "pd-ssd",
    },
    [0, 1, 2],
  );
  const madeOf = (job: GoogleJob) => [
    job.allocationPolicy?.location?.allowedLocations,
    job.allocationPolicy?.network?.networkInterfaces?.[0]?.subnetwork,
    policyOf(job)?.machineType,
    policyOf(job)?.accelerators?.[0]?.type,
    policyOf(job)?.provisioningModel,
    policyOf(job)?.bootDisk?.type,
  ];
  const central = ["zones/us-central1-a", "zones/us-central1-b"];
  expect(moved.map(madeOf)).toEqual([
    [central, "regions/us-central1/subnetworks/s", "g2-standard-8", "nvidia-l4", "SPOT", "pd-ssd"],
    [
      ["zones/us-east4-c"],
      "regions/us-east4/subnetworks/s",
      "g4-standard-48",
      "nvidia-rtx-pro-6000",
      "STANDARD",
      "hyperdisk-balanced",
    ],
    [
      ["regions/europe-west4"],
      "regions/europe-west4/subnetworks/s",
      "g2-standard-8",
      "nvidia-l4",
      "FLEX_START",
      "pd-ssd",
    ],
  ]);
  expect(madeOf(own).slice(0, 2)).toEqual([central, "regions/us-central1/subnetworks/s"]);
});

test.each([
  ["zones/us-east4-c", "regions/us-central1"],
  ["zones/us-east4-c,zones/us-central1-b", "zones/us-central1-b"],
])(
  "where GPU jobs are elsewhere, allowed places (%s) hold for each in its own region",
  async (allowed, place) => {
    const { gpu, own, trial } = await jobsOf({
      BATCH_LOCATION: "us-central1",
      BATCH_OFFERS: "us-east4/g2-standard-8 with 1 nvidia-l4/SPOT=0.35",
      BATCH_ALLOWED_LOCATIONS: allowed,
    });
    const placesOf = ({ allocationPolicy }: GoogleJob) =>
      allocationPolicy?.location?.allowedLocations;
    expect([gpu, trial, own].map(placesOf)).toEqual([
      ["zones/us-east4-c"],
      ["zones/us-east4-c"],
      [place],
    ]);
  },
);

test("a reservation is that of every standard machine that is offered", async () => {
  const { moved } = await jobsOf(
    {
      BATCH_OFFERS: "us-central1/g2-standard-8 with 1 nvidia-l4/STANDARD=0.85",
      BATCH_RESERVATION: "ours",
    },
    [0],
  );
  expect(moved.map((job) => policyOf(job)?.reservation)).toEqual(["ours"]);
});
