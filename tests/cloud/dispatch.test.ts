import { expect, test } from "vitest";
import {
  type Cloud,
  describeInCloud,
  MAIL_KEY,
  ORCHESTRATOR_IMAGE,
  startCloud,
} from "../support/cloud.ts";
import { SENDGRID_KEY, type SendgridServer, startSendgrid } from "../support/sendgrid-server.ts";
import {
  type CloudDaemon,
  cloudDaemon,
  expectDoneOnce,
  jobIdsOf,
  LONG_MS,
  settledAs,
} from "./cloud-daemon.ts";

interface Dispatching extends CloudDaemon {
  readonly sendgrid: SendgridServer;
}

async function dispatching(
  cloud: Cloud,
  changes: Readonly<Record<string, string>> = {},
): Promise<Dispatching> {
  const sendgrid = await startSendgrid();
  const daemon = await cloudDaemon(cloud, {
    DISPATCH: "batch",
    DISPATCH_IMAGE: ORCHESTRATOR_IMAGE,
    DISPATCH_WATCH_SECONDS: "1",
    DISPATCH_SECRETS: `SENDGRID_API_KEY=${MAIL_KEY}`,
    RECONCILE_SECONDS: "5",
    SENDGRID_API_KEY: SENDGRID_KEY,
    SENDGRID_BASE_URL: sendgrid.baseUrl,
    MAIL_FROM: "haystack@example.org",
    ...changes,
  });
  return { ...daemon, sendgrid };
}

const stateOf = (cloud: Cloud, jobId: string): unknown => cloud.batch.job(jobId)?.status?.state;
/** Labels of GPU jobs; the job of a run is of the kind `run`. */
const isGpuJob = (job: { labels?: Record<string, string> | null }): boolean =>
  job.labels?.["haystack-kind"] !== "run";

describeInCloud("DISPATCH=batch on the whole cloud", () => {
  test(
    "a run becomes a job of its own, which completes it; the daemon hosts nothing",
    async () => {
      const cloud = await startCloud();
      const own = await dispatching(cloud);
      await own.ask("r1");
      await cloud.batch.reached("hs-r1-run-1", "SUCCEEDED");
      expect(await settledAs(own, "r1", "completed")).toMatchObject({
        control_strategy_effective: "synthetic_control",
        output_anndata_path: "gs://haystack-test/results/r1/r1_predictions.h5ad",
      });
      await expectDoneOnce(cloud, own, "r1", own.sendgrid.requests);
      expect(jobIdsOf(cloud)).toEqual(["hs-r1-i1-c-a1", "hs-r1-i1-p-a1", "hs-r1-run-1"]);
      expect(own.committed).toEqual([]);
    },
    LONG_MS,
  );

  test(
    "a lost job is made again and goes on where the run was: no GPU job is repeated",
    async () => {
      const cloud = await startCloud();
      const own = await dispatching(cloud);
      const gate = Promise.withResolvers<void>();
      cloud.batch.scriptJobs({ hold: { RUNNING: gate.promise } }, 2, isGpuJob);
      await own.ask("r1");
      await Promise.all([
        cloud.batch.reached("hs-r1-i1-p-a1", "RUNNING"),
        cloud.batch.reached("hs-r1-i1-c-a1", "RUNNING"),
      ]);
      await cloud.batch.remove("hs-r1-run-1");
      gate.resolve();
      expect(await settledAs(own, "r1", "completed")).toMatchObject({ current_iteration: 1 });
      await expectDoneOnce(cloud, own, "r1", own.sendgrid.requests);
      const runJobs = jobIdsOf(cloud).filter((jobId) => jobId.includes("-run-"));
      await cloud.batch.reached(runJobs.at(-1) ?? "", "SUCCEEDED");
    },
    LONG_MS,
  );

  test(
    "a run that waits for its GPU jobs has no machine of its own meanwhile",
    async () => {
      const cloud = await startCloud();
      const own = await dispatching(cloud, { DISPATCH_IDLE_SECONDS: "0" });
      const gate = Promise.withResolvers<void>();
      cloud.batch.scriptJobs({ hold: { RUNNING: gate.promise } }, 2, isGpuJob);
      await own.ask("r1");
      // GPU jobs run, and the job of the run has ended well before they do.
      await cloud.batch.reached("hs-r1-run-1", "SUCCEEDED");
      expect([stateOf(cloud, "hs-r1-i1-p-a1"), stateOf(cloud, "hs-r1-i1-c-a1")]).toEqual([
        "RUNNING",
        "RUNNING",
      ]);
      gate.resolve();
      expect(await settledAs(own, "r1", "completed")).toMatchObject({ current_iteration: 1 });
      await expectDoneOnce(cloud, own, "r1", own.sendgrid.requests);
      expect(jobIdsOf(cloud)).toEqual([
        "hs-r1-i1-c-a1",
        "hs-r1-i1-p-a1",
        "hs-r1-run-1",
        "hs-r1-run-2",
      ]);
      await cloud.batch.reached("hs-r1-run-2", "SUCCEEDED");
    },
    LONG_MS,
  );

  test(
    "cancelled before its job begins: the job is cancelled, and no GPU job is made",
    async () => {
      const cloud = await startCloud();
      const own = await dispatching(cloud);
      cloud.batch.scriptJobs({ hold: { QUEUED: new Promise(() => undefined) } });
      await own.ask("r1");
      await cloud.batch.reached("hs-r1-run-1", "QUEUED");
      await own.cancel("r1");
      expect(await settledAs(own, "r1", "cancelled")).toMatchObject({
        termination_reason: "cancelled",
      });
      await cloud.batch.reached("hs-r1-run-1", "CANCELLED");
      expect(jobIdsOf(cloud)).toEqual(["hs-r1-run-1"]);
      expect(own.sendgrid.requests).toHaveLength(1);
    },
    LONG_MS,
  );

  test(
    "cancelled while its GPU jobs run: these are cancelled, and the run's own job ends",
    async () => {
      const cloud = await startCloud();
      const own = await dispatching(cloud);
      cloud.batch.scriptJobs({ hold: { RUNNING: new Promise(() => undefined) } }, 2, isGpuJob);
      await own.ask("r1");
      await Promise.all([
        cloud.batch.reached("hs-r1-i1-p-a1", "RUNNING"),
        cloud.batch.reached("hs-r1-i1-c-a1", "RUNNING"),
      ]);
      await own.cancel("r1");
      expect(await settledAs(own, "r1", "cancelled")).toMatchObject({
        termination_reason: "cancelled",
        output_anndata_path: null,
      });
      expect([stateOf(cloud, "hs-r1-i1-p-a1"), stateOf(cloud, "hs-r1-i1-c-a1")]).toEqual([
        "CANCELLED",
        "CANCELLED",
      ]);
      await Promise.race([
        cloud.batch.reached("hs-r1-run-1", "FAILED"),
        cloud.batch.reached("hs-r1-run-1", "CANCELLED"),
      ]);
      expect(own.sendgrid.requests).toHaveLength(1);
      expect(jobIdsOf(cloud)).toEqual(["hs-r1-i1-c-a1", "hs-r1-i1-p-a1", "hs-r1-run-1"]);
    },
    LONG_MS,
  );
});
