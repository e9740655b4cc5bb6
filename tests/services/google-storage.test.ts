import { afterAll, beforeAll } from "vitest";
import { describeWithGcs, startGcs, type GcsServer } from "../support/gcs-server.ts";
import { openStorage } from "./google-storage-harness.ts";
import { objectsContract } from "./objects.contract.ts";

describeWithGcs("Cloud Storage server", () => {
  let server: GcsServer;
  beforeAll(async () => {
    server = await startGcs();
  });
  afterAll(() => server.stop());

  objectsContract("google cloud storage", async () => (await openStorage(server)).objects);
  objectsContract(
    "google cloud storage below a prefix",
    async () => (await openStorage(server, { prefix: "team/haystack/" })).objects,
  );
});
