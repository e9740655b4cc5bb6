import { PubSub } from "@google-cloud/pubsub";
import { resolve } from "node:path";
import { type BatchServer, batchServer } from "./batch-server.ts";

export interface BucketBatchOptions {
  /** Address of the Cloud Storage server. */
  readonly gcsUrl: string;
  readonly bucket: string;
  /** Folder that stands for the mounted bucket. */
  readonly mount: string;
  /** `host:port` of the Pub/Sub emulator. */
  readonly pubsubHost: string;
  /** Its containers are the baseline. */
  readonly workerImage: string;
  /** Local programs for other images. */
  readonly images?: Readonly<Record<string, readonly string[]>>;
  /** What the versions of Secret Manager hold. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Default: any free port. */
  readonly port?: number;
}

/**
 * Google Batch for a bucket and a topic of servers on this machine: jobs of the worker's image run
 * the baseline as processes.
 */
export async function bucketBatch({
  gcsUrl,
  bucket,
  mount,
  pubsubHost,
  workerImage,
  images = {},
  secrets = {},
  port = 0,
}: BucketBatchOptions): Promise<BatchServer> {
  const publisher = new PubSub({
    projectId: "p",
    apiEndpoint: pubsubHost,
    emulatorMode: true,
    "grpc.max_reconnect_backoff_ms": 1_000,
  } as ConstructorParameters<typeof PubSub>[0]);
  const server = await batchServer({
    port,
    secrets,
    images: {
      [workerImage]: [
        process.execPath,
        resolve("tests/support/bucket-program.ts"),
        gcsUrl,
        bucket,
        mount,
      ],
      ...images,
    },
    volumes: { [bucket]: mount },
    async publish(topic, attributes, data) {
      await publisher.topic(topic).publishMessage({ attributes, data: Buffer.from(data) });
    },
  });
  return {
    ...server,
    async close() {
      await server.close();
      await publisher.close();
    },
  };
}
