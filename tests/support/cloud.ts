import { PubSub } from "@google-cloud/pubsub";
import { resolve } from "node:path";
import { onTestFinished } from "vitest";
import { type BatchServer, batchServer } from "./batch-server.ts";
import { type GcsServer, startGcs } from "./gcs-server.ts";
import { temporaryFolder } from "./hosted-runs.ts";
import { type MongodbServer, startMongodb } from "./mongodb.ts";
import { type PubsubEmulator, startPubsubEmulator } from "./pubsub-emulator.ts";

/** Everything that production needs, on this machine: MongoDB, Cloud Storage, Batch that runs jobs, Pub/Sub. */
export interface Cloud {
  readonly environment: Record<string, string>;
  readonly batch: BatchServer;
  readonly gcs: GcsServer;
  readonly pubsub: PubsubEmulator;
  readonly mongodb: MongodbServer;
}

const WORKER_IMAGE = "europe-docker.pkg.dev/p/haystack/worker:1";
const BUCKET = "haystack-test";

export async function startCloud(): Promise<Cloud> {
  const mount = await temporaryFolder();
  const [mongodb, gcs, pubsub] = await Promise.all([startMongodb(), startGcs(), startPubsubEmulator()]);
  onTestFinished(async () => {
    await Promise.all([mongodb.stop(), gcs.stop(), pubsub.stop()]);
  });
  await gcs.makeBucket(BUCKET);
  const publisher = new PubSub({ projectId: "p", apiEndpoint: pubsub.host, emulatorMode: true });
  onTestFinished(() => publisher.close());
  const batch = await batchServer({
    images: { [WORKER_IMAGE]: [process.execPath, resolve("tests/support/bucket-program.ts"), gcs.url, BUCKET, mount] },
    volumes: { [BUCKET]: mount },
    async publish(topic, attributes, data) {
      await publisher.topic(topic).publishMessage({ attributes, data: Buffer.from(data) });
    },
  });
  onTestFinished(() => batch.close());
  return {
    batch,
    gcs,
    pubsub,
    mongodb,
    environment: {
      METADATA_SERVER_DETECTION: "none",
      MONGODB_URI: mongodb.uri,
      MONGODB_DATABASE: `cloud_${process.pid}_${Date.now()}`,
      GCS_BUCKET: BUCKET,
      GCS_ENDPOINT: gcs.url,
      BATCH_PROJECT: "p",
      BATCH_IMAGE: WORKER_IMAGE,
      BATCH_MODEL: "delta-transfer",
      BATCH_ENDPOINT: batch.endpoint,
      PUBSUB_EMULATOR_HOST: pubsub.host,
      PUBSUB_CREATE: "true",
      RECONCILE_SECONDS: "60",
      LEASE_SECONDS: "5",
    },
  };
}

