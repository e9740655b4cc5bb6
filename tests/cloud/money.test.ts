import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { resultObjects } from "../../actors/run-objects.ts";
import { describeInCloud, startCloud } from "../support/cloud.ts";
import { cloudDaemon, jobIdsOf, LONG_MS, settledAs } from "./cloud-daemon.ts";

interface Log {
  readonly usage: { readonly gpu_seconds: number; readonly gpu_cost_usd: number };
  readonly iterations: readonly {
    readonly jobs: readonly {
      readonly job_id: string;
      readonly state: string;
      readonly run_seconds: number;
      readonly cost_usd: number;
      readonly lost_to_preemption: boolean;
      readonly offer: { readonly provisioning: string };
    }[];
  }[];
}

describeInCloud("GPU money on the whole cloud", () => {
  test(
    "preempted twice, then on a standard machine: every attempt stands in log and report with what it cost",
    async () => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "2" });
      cloud.batch.scriptJobs(
        { exitCode: 50001 },
        2,
        (job) => job.labels?.["haystack-kind"] === "prediction",
      );
      await own.ask("r1");
      const { usage } = await settledAs(own, "r1", "completed");
      expect(jobIdsOf(cloud)).toEqual([
        "hs-r1-i1-c-a1",
        "hs-r1-i1-p-a1",
        "hs-r1-i1-p-a2",
        "hs-r1-i1-p-a3",
      ]);

      const { objects } = own.daemon;
      const log = JSON.parse(
        await readFile(await objects.fetch({ path: resultObjects("r1").log }), "utf8"),
      ) as Log;
      const jobs = log.iterations.flatMap((iteration) => iteration.jobs);
      const told = jobs.map(({ job_id, state, lost_to_preemption, offer }) => [
        job_id,
        state,
        lost_to_preemption,
        offer.provisioning,
      ]);
      expect(new Set(told)).toEqual(
        new Set([
          ["hs-r1-i1-c-a1", "succeeded", false, "SPOT"],
          ["hs-r1-i1-p-a1", "failed", true, "SPOT"],
          ["hs-r1-i1-p-a2", "failed", true, "SPOT"],
          ["hs-r1-i1-p-a3", "succeeded", false, "STANDARD"],
        ]),
      );
      expect(log.usage).toEqual(usage);
      expect(jobs.reduce((sum, { cost_usd }) => sum + cost_usd, 0)).toBeCloseTo(
        usage.gpu_cost_usd,
        12,
      );
      expect(jobs.reduce((sum, { run_seconds }) => sum + run_seconds, 0)).toBeCloseTo(
        usage.gpu_seconds,
        9,
      );
      expect(usage.gpu_cost_usd).toBeGreaterThan(0);

      const report = await readFile(
        await objects.fetch({ path: resultObjects("r1").report }),
        "utf8",
      );
      expect(report.match(/machine taken back/g)).toHaveLength(2);
      expect(report).toContain("g2-standard-8 with 1 nvidia-l4, standard at 0.85 USD an hour");
      expect(report).toContain("Of that lost to preemption");
    },
    LONG_MS,
  );

  test.each([
    [3, ["hs-r1-i1-p-a1"], "cannot use its checkpoint"],
    [4, ["hs-r1-i1-p-a1", "hs-r1-i1-p-a2"], "The model failed while it ran"],
  ])(
    "the worker's exit code %i is repeated no more than is of use",
    async (exitCode, predictions, reason) => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "2" });
      // A control job whose submission is cut short may still appear at Batch: the run would wait
      // minutes for it.
      const untilBothAreThere = cloud.batch.reached("hs-r1-i1-c-a1", "QUEUED");
      cloud.batch.scriptJobs(
        { exitCode, hold: { RUNNING: untilBothAreThere } },
        10,
        (job) => job.labels?.["haystack-kind"] === "prediction",
      );
      await own.ask("r1");
      expect(await settledAs(own, "r1", "failed")).toMatchObject({
        error: { code: "JOB_FAILED", retryable: false },
        error_message: expect.stringContaining(reason) as string,
      });
      expect(jobIdsOf(cloud)).toEqual(["hs-r1-i1-c-a1", ...predictions]);
    },
    LONG_MS,
  );
});
