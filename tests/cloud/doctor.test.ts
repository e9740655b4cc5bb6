import { PubSub } from "@google-cloud/pubsub";
import { expect, onTestFinished, test } from "vitest";
import { describeInCloud, startCloud } from "../support/cloud.ts";
import { doctor } from "../support/doctor.ts";
import { startImageRegistry } from "../support/image-registry.ts";
import { LONG_MS } from "./cloud-daemon.ts";

describeInCloud("haystack doctor asks the services themselves", () => {
  test(
    "all is well; then bucket, subscription and permissions are missing in turn",
    async () => {
      const cloud = await startCloud();
      const well = await doctor(cloud.environment);
      expect([
        well.code,
        well.found["run store"]?.[0],
        well.found["objects"]?.[0],
        well.found["GPU jobs"]?.[0],
      ]).toEqual([0, "ok", "ok", "ok"]);
      expect(well.found["objects"]?.[1]).toMatch(/^gs:\/\/haystack-test\//);
      expect(cloud.batch.calls.filter(({ method }) => method === "createJob")).toHaveLength(1);

      const noBucket = await doctor({ ...cloud.environment, GCS_BUCKET: "no-such-bucket" });
      expect([noBucket.code, noBucket.found["objects"]]).toEqual([
        1,
        ["problem", expect.stringContaining("no-such-bucket")],
      ]);

      const noSubscription = await doctor({
        ...cloud.environment,
        PUBSUB_CREATE: "false",
        PUBSUB_SUBSCRIPTION: "no-such-subscription",
      });
      expect([noSubscription.code, noSubscription.found["GPU jobs"]]).toEqual([
        1,
        ["problem", expect.stringMatching(/no-such-subscription.*does not exist; create them/)],
      ]);

      for (const [method, permission] of [
        ["listJobs", "batch.jobs.list"],
        ["createJob", "batch.jobs.create"],
      ] as const) {
        cloud.batch.failCalls({
          method,
          times: 1,
          code: 7,
          details: `Permission '${permission}' denied`,
        });
        const noPermission = await doctor(cloud.environment);
        expect([noPermission.code, noPermission.found["GPU jobs"]]).toEqual([
          1,
          ["problem", expect.stringContaining(permission)],
        ]);
      }
    },
    LONG_MS,
  );

  test(
    "a job that is really run says which part fails: here the bucket is not mounted where the job looks",
    async () => {
      const cloud = await startCloud();
      const { code, found } = await doctor(cloud.environment, "--job");
      const parts = ["machine", "image", "mount", "topic"].map(
        (part) => found[`job: ${part}`]?.[0],
      );
      expect([code, parts]).toEqual([1, ["ok", "ok", "problem", "ok"]]);
      expect(found["job: mount"]?.[1]).toMatch(/roles\/storage\.objectUser/);
    },
    LONG_MS,
  );

  test(
    "a dead-letter topic must be there, and the subscription must use it",
    async () => {
      const cloud = await startCloud();
      await doctor(cloud.environment);
      const withDeadLetters = { ...cloud.environment, PUBSUB_DEAD_LETTER_TOPIC: "dead" };
      const unused = await doctor(withDeadLetters);
      expect([unused.code, unused.found["GPU jobs"]]).toEqual([
        1,
        [
          "problem",
          expect.stringMatching(
            /haystack-jobs does not forward rejected messages to the topic dead: gcloud pubsub subscriptions update/,
          ),
        ],
      ]);
      const made = { ...withDeadLetters, PUBSUB_SUBSCRIPTION: "with-dead-letters" };
      expect((await doctor(made)).found["GPU jobs"]?.[0]).toBe("ok");
      const client = new PubSub({
        projectId: "p",
        apiEndpoint: cloud.pubsub.host,
        emulatorMode: true,
      });
      onTestFinished(() => client.close());
      await client.topic("dead").delete();
      const gone = await doctor({ ...made, PUBSUB_CREATE: "false" });
      expect([gone.code, gone.found["GPU jobs"]]).toEqual([
        1,
        ["problem", expect.stringMatching(/topic dead does not exist/)],
      ]);
    },
    LONG_MS,
  );

  test(
    "images are looked up where that can be done",
    async () => {
      const [cloud, registry] = [await startCloud(), await startImageRegistry()];
      const image = `${registry.host}/p/haystack/worker:1`;
      const diagnose = async () =>
        (await doctor({ ...cloud.environment, BATCH_IMAGE: image })).found["worker image"];
      expect(await diagnose()).toEqual([
        "problem",
        `There is no image ${image}; build and push it, or correct its name.`,
      ]);
      registry.images.add("p/haystack/worker:1");
      expect(await diagnose()).toEqual(["ok", image]);
      registry.refuse(403);
      expect(await diagnose()).toEqual([
        "problem",
        expect.stringMatching(/artifactregistry\.reader/),
      ]);
      expect((await doctor(cloud.environment)).found["worker image"]?.[0]).toBe("advice");
    },
    LONG_MS,
  );
});
