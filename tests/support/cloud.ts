import { resolve } from "node:path";
import { onTestFinished } from "vitest";
import type { BatchServer } from "./batch-server.ts";
import { bucketBatch } from "./bucket-batch.ts";
import { describeWith } from "./describe-with.ts";
import { type GcsServer, startGcs } from "./gcs-server.ts";
import { temporaryFolder } from "./hosted-runs.ts";
import { type MongodbServer, startMongodb } from "./mongodb.ts";
import { type PubsubEmulator, startPubsubEmulator } from "./pubsub-emulator.ts";
import { GCS, MONGODB, PUBSUB } from "./real-parts.ts";
import { SENDGRID_KEY } from "./sendgrid-server.ts";

/** Every server of the cloud. */
export const CLOUD = [MONGODB, GCS, PUBSUB] as const;

/** A suite that needs them all. */
export const describeInCloud = describeWith(...CLOUD);

/**
 * Everything that production needs, on this machine: MongoDB, Cloud Storage, Batch that runs jobs,
 * Pub/Sub.
 */
export interface Cloud {
  readonly environment: Record<string, string>;
  readonly batch: BatchServer;
  readonly gcs: GcsServer;
  readonly pubsub: PubsubEmulator;
  readonly mongodb: MongodbServer;
  /** Data folder of the jobs that run the orchestrator's image. */
  readonly jobFolder: string;
}

const WORKER_IMAGE = "europe-docker.pkg.dev/p/haystack/worker:1";
export const ORCHESTRATOR_IMAGE = "europe-docker.pkg.dev/p/haystack/orchestrator:1";
/** The version of Secret Manager that holds the key of the mail service. */
export const MAIL_KEY = "projects/p/secrets/sendgrid/versions/1";
const BUCKET = "haystack-test";

export async function startCloud(): Promise<Cloud> {
  const [mount, jobFolder] = [await temporaryFolder(), await temporaryFolder()];
  const [mongodb, gcs, pubsub] = await Promise.all([
    startMongodb(),
    startGcs(),
    startPubsubEmulator(),
  ]);
  onTestFinished(async () => {
    await Promise.all([mongodb.stop(), gcs.stop(), pubsub.stop()]);
  });
  await gcs.makeBucket(BUCKET);
  const batch = await bucketBatch({
    gcsUrl: gcs.url,
    bucket: BUCKET,
    mount,
    pubsubHost: pubsub.host,
    workerImage: WORKER_IMAGE,
    secrets: { [MAIL_KEY]: SENDGRID_KEY },
    images: {
      [ORCHESTRATOR_IMAGE]: [
        "env",
        `HAYSTACK_DATA_DIR=${jobFolder}`,
        process.execPath,
        resolve("bin/haystack.mjs"),
      ],
    },
  });
  onTestFinished(() => batch.close());
  return {
    batch,
    gcs,
    pubsub,
    mongodb,
    jobFolder,
    environment: {
      MONGODB_URI: mongodb.uri,
      MONGODB_DATABASE: `cloud_${process.pid}_${Date.now()}`,
      GCS_BUCKET: BUCKET,
      GCS_ENDPOINT: gcs.url,
      BATCH_PROJECT: "p",
      BATCH_IMAGE: WORKER_IMAGE,
      BATCH_MODEL: "delta-transfer",
      BATCH_ENDPOINT: batch.endpoint,
      PUBSUB_EMULATOR_HOST: pubsub.host,
      PUBSUB_TOPIC: "haystack-jobs",
      PUBSUB_SUBSCRIPTION: "haystack-jobs",
      PUBSUB_CREATE: "true",
      RECONCILE_SECONDS: "60",
      LEASE_SECONDS: "5",
    },
  };
}
