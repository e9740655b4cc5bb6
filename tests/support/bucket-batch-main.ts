import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bucketBatch } from "./bucket-batch.ts";

/** Batch for compose.yaml, configured by the variables of the daemon. Runs until it is stopped. */
const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`Set ${name}, as for the daemon.`);
  return value;
};

const server = await bucketBatch({
  gcsUrl: required("GCS_ENDPOINT"),
  bucket: required("GCS_BUCKET"),
  mount: await mkdtemp(join(tmpdir(), "bucket-")),
  pubsubHost: required("PUBSUB_EMULATOR_HOST"),
  workerImage: required("BATCH_IMAGE"),
  port: Number(required("BATCH_ENDPOINT").split(":")[1]),
});
process.stdout.write(`Batch takes jobs at ${server.endpoint}.\n`);
for (const signal of ["SIGTERM", "SIGINT"])
  process.once(signal, () => void server.close().then(() => process.exit(0)));
