import { PubSub } from "@google-cloud/pubsub";
import { status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { type Cloud, describeInCloud, startCloud } from "../support/cloud.ts";
import { mailsIn } from "../support/mail-files.ts";
import { cloudDaemon, expectDoneOnce, jobIdsOf, LONG_MS, settledAs } from "./cloud-daemon.ts";

const PREDICTION = "hs-r1-i1-p-a1";
const CONTROL = "hs-r1-i1-c-a1";
const BOTH = [PREDICTION, CONTROL] as const;
const never = new Promise(() => undefined);

type State = Parameters<Cloud["batch"]["reached"]>[1];
const bothReached = async (cloud: Cloud, state: State): Promise<void> =>
  void (await Promise.all(BOTH.map((jobId) => cloud.batch.reached(jobId, state))));
const statesOf = (cloud: Cloud): unknown[] =>
  BOTH.map((jobId) => cloud.batch.job(jobId)?.status?.state);

/** Both GPU jobs stay RUNNING until the returned function is called. */
function holdJobs(cloud: Cloud): () => void {
  const gate = Promise.withResolvers<void>();
  cloud.batch.scriptJobs({ hold: { RUNNING: gate.promise } }, BOTH.length);
  return () => gate.resolve();
}

describeInCloud("a run on the whole cloud survives that", () => {
  test(
    "Pub/Sub dies with all it holds while the jobs end, and comes back empty: later events flow again",
    async () => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "5" });
      const release = holdJobs(cloud);
      await own.ask("r1");
      await bothReached(cloud, "RUNNING");
      await cloud.pubsub.kill();
      release();
      await bothReached(cloud, "SUCCEEDED");
      await cloud.pubsub.restart();
      await settledAs(own, "r1", "completed");
      await expectDoneOnce(cloud, own, "r1");
      const looking = new PubSub({
        projectId: "p",
        apiEndpoint: cloud.pubsub.host,
        emulatorMode: true,
      });
      onTestFinished(() => looking.close());
      await expect
        .poll(async () => (await looking.subscription("haystack-jobs").exists())[0], {
          timeout: LONG_MS,
        })
        .toBe(true);
    },
    LONG_MS,
  );

  test(
    "MongoDB dies while the jobs end, and comes back with its data",
    async ({ skip }) => {
      const cloud = await startCloud();
      const { own: server } = cloud.mongodb;
      skip(server === undefined, "the server of MONGODB_URI is not ours to kill");
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "5" });
      const release = holdJobs(cloud);
      await own.ask("r1");
      await bothReached(cloud, "RUNNING");
      await server?.kill();
      release();
      await bothReached(cloud, "SUCCEEDED");
      await server?.restart();
      expect(await settledAs(own, "r1", "completed")).toMatchObject({ current_iteration: 1 });
      await expectDoneOnce(cloud, own, "r1");
    },
    LONG_MS,
  );

  test(
    "Cloud Storage restarts while predictions are read and again while results are written",
    async () => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "5" });
      const restarts: string[] = [];
      // A job that still runs would fail with the bucket it works on, and be made again.
      const restart = async (when: string): Promise<void> => {
        await bothReached(cloud, "SUCCEEDED");
        await cloud.gcs.restart();
        restarts.push(when);
      };
      const restartAt = (method: string, url: RegExp, when: string): void =>
        cloud.gcs.inject({ method, url, kind: "drop", before: () => restart(when) });
      restartAt("GET", /batch-io\/r1\/iter_1\/predictions\.h5ad.*alt=media/, "read");
      restartAt("POST", /results\/r1\/r1_report\.html/, "write");
      await own.ask("r1");
      await settledAs(own, "r1", "completed");
      await expectDoneOnce(cloud, own, "r1");
      expect(restarts).toEqual(["read", "write"]);
    },
    LONG_MS,
  );

  test(
    "Batch is unavailable at submit and while the jobs run",
    async () => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "1" });
      const release = holdJobs(cloud);
      cloud.batch.failCalls({ method: "createJob", times: 5 });
      await own.ask("r1");
      await bothReached(cloud, "RUNNING");
      cloud.batch.failCalls({ method: "getJob", times: 5 });
      release();
      await settledAs(own, "r1", "completed");
      await expectDoneOnce(cloud, own, "r1");
      const creates = cloud.batch.calls.filter(({ method }) => method === "createJob");
      expect(creates.length).toBeGreaterThanOrEqual(5 + BOTH.length);
    },
    LONG_MS,
  );

  test(
    "Batch has no quota for one of the jobs: it waits and is made by its name, the other is left alone",
    async () => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "1" });
      cloud.batch.failCalls({ method: "createJob", code: status.RESOURCE_EXHAUSTED });
      await own.ask("r1");
      await settledAs(own, "r1", "completed");
      await expectDoneOnce(cloud, own, "r1");
      expect(cloud.batch.calls.filter(({ method }) => method === "createJob")).toHaveLength(
        1 + BOTH.length,
      );
      expect(jobIdsOf(cloud)).toEqual([...BOTH].toSorted());
    },
    LONG_MS,
  );

  test(
    "Batch does not find the jobs for a while after it has taken them: they are neither lost nor made again",
    async () => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "1" });
      cloud.batch.scriptJobs({ hiddenCalls: 3 }, BOTH.length);
      await own.ask("r1");
      await settledAs(own, "r1", "completed");
      await expectDoneOnce(cloud, own, "r1");
      const looks = cloud.batch.calls.filter(
        ({ method, request }) =>
          method === "getJob" && (request as { name: string }).name.endsWith(PREDICTION),
      );
      expect(looks.length).toBeGreaterThan(3);
    },
    LONG_MS,
  );

  test(
    "news comes early, doubled, late, of an unknown job and as garbage: only what Batch says counts",
    async () => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud);
      const publisher = new PubSub({
        projectId: "p",
        apiEndpoint: cloud.pubsub.host,
        emulatorMode: true,
      });
      onTestFinished(() => publisher.close());
      const tell = (jobId: string, NewJobState: string): Promise<string> =>
        publisher.topic("haystack-jobs").publishMessage({
          data: Buffer.from([0xff]),
          attributes: {
            Type: "JOB_STATE_CHANGED",
            JobName: `projects/1/locations/us-central1/jobs/${jobId}`,
            NewJobState,
          },
        });
      const release = holdJobs(cloud);
      await own.ask("r1");
      await bothReached(cloud, "RUNNING");
      const looks = (): number =>
        cloud.batch.calls.filter(({ method }) => method === "getJob").length;
      const before = looks();
      for (const state of ["SUCCEEDED", "SUCCEEDED", "QUEUED", "A_STATE_OF_TOMORROW"])
        await tell(PREDICTION, state);
      await tell("hs-no-such-run-i1-p-a1", "FAILED");
      await publisher.topic("haystack-jobs").publishMessage({ data: Buffer.from("{not json") });
      await expect.poll(looks, { timeout: LONG_MS }).toBeGreaterThan(before);
      expect((await own.daemon.runs.get("r1"))?.document).toMatchObject({
        status: "running",
        current_phase: "inference",
      });
      release();
      await bothReached(cloud, "SUCCEEDED");
      for (const state of ["RUNNING", "FAILED", "SUCCEEDED"]) await tell(PREDICTION, state);
      await settledAs(own, "r1", "completed");
      await expectDoneOnce(cloud, own, "r1");
    },
    LONG_MS,
  );

  test.each(["QUEUED", "RUNNING"] as const)(
    "cancel while the jobs are %s",
    async (state) => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "2" });
      cloud.batch.scriptJobs({ hold: { [state]: never } }, BOTH.length);
      await own.ask("r1");
      await bothReached(cloud, state);
      await own.cancel("r1");
      expect(await settledAs(own, "r1", "cancelled")).toMatchObject({
        termination_reason: "cancelled",
        output_anndata_path: null,
      });
      expect(statesOf(cloud)).toEqual(["CANCELLED", "CANCELLED"]);
      expect(jobIdsOf(cloud)).toHaveLength(BOTH.length);
      expect(await mailsIn(own.folder)).toHaveLength(1);
    },
    LONG_MS,
  );

  test(
    "cancel just after one job SUCCEEDED: it stays so, the other is cancelled, nothing is delivered",
    async () => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "2" });
      cloud.batch.scriptJobs(
        { hold: { RUNNING: never } },
        1,
        (job) => job.labels?.["haystack-kind"] === "control",
      );
      await own.ask("r1");
      await Promise.all([
        cloud.batch.reached(PREDICTION, "SUCCEEDED"),
        cloud.batch.reached(CONTROL, "RUNNING"),
      ]);
      await own.cancel("r1");
      const { usage, ...document } = await settledAs(own, "r1", "cancelled");
      expect(document).toMatchObject({
        termination_reason: "cancelled",
        output_anndata_path: null,
      });
      expect(usage.gpu_seconds).toBeGreaterThan(0);
      expect(usage.gpu_cost_usd).toBeGreaterThan(0);
      expect(statesOf(cloud)).toEqual(["SUCCEEDED", "CANCELLED"]);
      expect(jobIdsOf(cloud)).toHaveLength(BOTH.length);
      expect(await mailsIn(own.folder)).toHaveLength(1);
    },
    LONG_MS,
  );
});
