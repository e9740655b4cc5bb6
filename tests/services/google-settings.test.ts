import { expect, onTestFinished, test } from "vitest";
import { openImportJobs } from "../../adapters/dispatch.ts";
import { googleService } from "../../adapters/inference.ts";
import { loadConfig } from "../../config.ts";
import type { GoogleJob } from "../support/batch-server-job.ts";
import { batchServer } from "../support/batch-server.ts";
import { jobSpec } from "./batch.contract.ts";

/** The jobs that this configuration makes: of a GPU, and of the orchestrator's own image. */
async function jobsOf(changes: Readonly<Record<string, string>>): Promise<{
  readonly gpu: GoogleJob;
  readonly own: GoogleJob;
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
  for (const opened of [imports, inference]) onTestFinished(() => opened.close());
  const spec = jobSpec();
  await inference.submit(spec);
  const own = "hs-import-0123456789abcdef01234567-1";
  await imports.submit({
    job_id: own,
    import_id: "0123456789abcdef01234567",
    attempt: 1,
    tasks: 1,
    source_bytes: 1,
    is_packed: false,
  });
  return { gpu: server.job(spec.job_id) ?? {}, own: server.job(own) ?? {} };
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
