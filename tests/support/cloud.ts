import { resolve } from "node:path";
import { describe, onTestFinished } from "vitest";
import type { BatchServer } from "./batch-server.ts";
import { bucketBatch } from "./bucket-batch.ts";
import { describeWithGcs, type GcsServer, startGcs } from "./gcs-server.ts";
import { temporaryFolder } from "./hosted-runs.ts";
import { describeWithMongodb, type MongodbServer, startMongodb } from "./mongodb.ts";
import { describeWithPubsub, type PubsubEmulator, startPubsubEmulator } from "./pubsub-emulator.ts";

/** A suite that needs every server of the cloud; skipped where one is missing, which its own file says. */
export const describeInCloud: typeof describe.skip = [describeWithMongodb, describeWithGcs, describeWithPubsub].includes(describe.skip) ? describe.skip : describe;

/** Everything that production needs, on this machine: MongoDB, Cloud Storage, Batch that runs jobs, Pub/Sub. */
export interface Cloud {
  readonly environment: Record<string, string>;
  readonly batch: BatchServer;
  readonly gcs: GcsServer;
  readonly pubsub: PubsubEmulator;
  readonly mongodb: MongodbServer;
  /** Data folder of the jobs that run the orchestrator's image. */
  readonly jobFolder: string;
  /** Where processes of jobs note the addresses beyond this machine that they dialled; absent when there are none. */
  readonly outsideDials: string;
}

const WORKER_IMAGE = "europe-docker.pkg.dev/p/haystack/worker:1";
export const ORCHESTRATOR_IMAGE = "europe-docker.pkg.dev/p/haystack/orchestrator:1";
const BUCKET = "haystack-test";

export async function startCloud(): Promise<Cloud> {
  const [mount, jobFolder, notes] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()];
  const outsideDials = resolve(notes, "outside-dials");
  const [mongodb, gcs, pubsub] = await Promise.all([startMongodb(), startGcs(), startPubsubEmulator()]);
  onTestFinished(async () => {
    await Promise.all([mongodb.stop(), gcs.stop(), pubsub.stop()]);
  });
  await gcs.makeBucket(BUCKET);
  const guarded = ["env", `OUTSIDE_DIALS=${outsideDials}`, `NODE_OPTIONS=--import=${resolve("tests/support/loopback-only-process.ts")}`];
  const batch = await bucketBatch({
    gcsUrl: gcs.url,
    bucket: BUCKET,
    mount,
    pubsubHost: pubsub.host,
    workerImage: WORKER_IMAGE,
    before: guarded,
    images: { [ORCHESTRATOR_IMAGE]: [...guarded, `HAYSTACK_DATA_DIR=${jobFolder}`, process.execPath, resolve("cli/haystack.ts")] },
  });
  onTestFinished(() => batch.close());
  return {
    batch,
    gcs,
    pubsub,
    mongodb,
    jobFolder,
    outsideDials,
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
