import { PubSub } from "@google-cloud/pubsub";
import { expect, onTestFinished, test } from "vitest";
import type { JobEventOutcome } from "../../actors/instruments.ts";
import { systemClock } from "../../services/clock/system.ts";
import { googlePubsubEvents } from "../../services/job-events/google/events.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { describeWithPubsub, startPubsubEmulator } from "../support/pubsub-emulator.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

const OURS = "hs-r1-i1-p-a1";

describeWithPubsub("news of jobs through the Pub/Sub emulator", () => {
  test.each(["counted", "not counted"])(
    "of foreign jobs, unknown runs, whole runs, and garbage is acknowledged and %s, and the run goes on",
    async (how) => {
      const emulator = await startPubsubEmulator();
      onTestFinished(() => emulator.stop());
      const jobEvents = await googlePubsubEvents({
        projectId: "p",
        topic: "jobs",
        subscription: "jobs",
        create: true,
        emulatorHost: emulator.host,
        clock: systemClock,
        onTrouble: () => undefined,
      });
      onTestFinished(() => jobEvents.close());
      const outcomes: JobEventOutcome[] = [];
      const store = await temporaryStore();
      const effects = scriptedEffects({
        now: () => Date.now(),
        strategy: "query_as_control",
        jobState: "RUNNING",
      });
      const { committed, troubles } = await hostRuns(store, effects, {
        jobEvents,
        ...(how === "counted"
          ? { instruments: { jobEventTaken: (outcome) => void outcomes.push(outcome) } }
          : {}),
      });
      await store.insert(run("r1"));
      await committed("r1", (_, entries) => entries.some(({ to }) => to === "awaiting"));

      const publisher = new PubSub({
        projectId: "p",
        apiEndpoint: emulator.host,
        emulatorMode: true,
      });
      onTestFinished(() => publisher.close());
      const tell = async (
        jobId: string,
        attributes: Record<string, string> = {},
      ): Promise<string> =>
        publisher.topic("jobs").publishMessage({
          data: Buffer.from([0xff, 0x00, 0xfe]),
          attributes: {
            Type: "JOB_STATE_CHANGED",
            JobName: `projects/1/locations/l/jobs/${jobId}`,
            NewJobState: "SUCCEEDED",
            ...attributes,
          },
        });
      await tell("nightly-backup");
      await tell("hs-r1-run-1");
      await tell("hs-no-such-run-i1-p-a1");
      await tell(OURS, { NewJobState: "A_STATE_OF_TOMORROW" });
      await publisher.topic("jobs").publishMessage({ data: Buffer.from("{not json") });
      await expect
        .poll(() => jobEvents.counters(), { timeout: 90_000 })
        .toMatchObject({
          received: 5,
          acknowledged: 3,
          refused: 0,
          ignored: { unknown_state: 1, not_a_job_event: 1 },
        });
      effects.jobs.set(OURS, "SUCCEEDED");
      await tell(OURS);
      expect(await committed("r1", ({ status }) => status === "completed")).toMatchObject({
        final_score: 8,
      });
      expect(new Set(outcomes)).toEqual(
        new Set(how === "counted" ? ["foreign_job", "run_job", "stored", "unknown_run"] : []),
      );
      expect(troubles).toEqual([]);
    },
  );
});
