import { afterAll, beforeAll, expect, test } from "vitest";
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
  objectsContract("google cloud storage whose requesters pay", async () => {
    const { objects, bucket } = await openStorage(server, { userProject: "who-pays" });
    server.requestersPay(bucket);
    return objects;
  });

  test("a bucket whose requesters pay says what to set where nothing is", async () => {
    const { objects, bucket } = await openStorage(server);
    server.requestersPay(bucket);
    await expect(objects.putText("a.txt", "a")).rejects.toMatchObject({
      retryable: false,
      message: expect.stringMatching(/requester pays.*GCS_USER_PROJECT/) as string,
    });
  });
});
