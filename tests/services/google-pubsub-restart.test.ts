import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../services/clock/system.ts";
import { googlePubsubEvents } from "../../services/job-events/google/events.ts";
import { freePort } from "../support/free-port.ts";
import {
  describeWithPubsub,
  startPubsubEmulator,
  type PubsubEmulator,
} from "../support/pubsub-emulator.ts";
import {
  openPubsub,
  PROJECT,
  pubsubClient,
  received,
  type PubsubHarness,
  type Received,
} from "./google-pubsub-harness.ts";

/**
 * Publishes until one of the messages has come: while topic or subscription are missing, messages
 * are refused or lost.
 */
async function publishUntilReceived(
  { publish }: PubsubHarness,
  { all }: Received,
  jobId: string,
): Promise<void> {
  while (!all.some(({ job_id }) => job_id === jobId))
    await publish(jobId, "SUCCEEDED").catch(() => {});
}

describeWithPubsub("Pub/Sub that goes away", () => {
  let emulator: PubsubEmulator;
  beforeAll(async () => {
    emulator = await startPubsubEmulator();
  });
  afterAll(() => emulator.stop());
  test("killed and started again without its topics, in the middle of a handler: all is made anew and events flow", async () => {
    const harness = await openPubsub(emulator.host);
    const entered = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const seen = received();
    await harness.events.subscribe(async (event) => {
      if (event.job_id === "in-flight") {
        entered.resolve();
        await release.promise;
      }
      await seen.handler(event);
    });
    await harness.publish("in-flight", "RUNNING");
    await entered.promise;
    const trouble = harness.nextTrouble();
    await emulator.kill();
    await emulator.restart();
    expect(await trouble).toMatchObject({
      code: "JOB_EVENTS_UNAVAILABLE",
      retryable: true,
      message: expect.stringContaining("does not exist"),
    });
    release.resolve();
    await publishUntilReceived(harness, seen, "after");
    await seen.has("in-flight");
    expect(harness.events.counters().refused).toBe(0);
  });

  test("a subscription that is deleted while in use is made anew", async () => {
    const harness = await openPubsub(emulator.host);
    const seen = received();
    await harness.events.subscribe(seen.handler);
    await publishUntilReceived(harness, seen, "before");
    await harness.client.subscription(harness.topic.name.split("/").at(-1) ?? "").delete();
    await publishUntilReceived(harness, seen, "after");
    expect(harness.troubles[0]).toMatchObject({ code: "JOB_EVENTS_UNAVAILABLE" });
  });

  test("where it may not make them, a missing subscription is refused at the start with what to do, and waited for later", async () => {
    const name = `jobs-${randomUUID()}`;
    const closed = { topic: name, subscription: name, create: false } as const;
    await expect(openPubsub(emulator.host, closed)).rejects.toMatchObject({
      code: "JOB_EVENTS_UNAVAILABLE",
      message: expect.stringContaining(
        `gcloud pubsub subscriptions create ${name} --topic=${name}`,
      ),
    });
    const client = pubsubClient(emulator.host);
    await client.createTopic(name);
    await client.createSubscription(name, name);
    const harness = await openPubsub(emulator.host, closed);
    const seen = received();
    await harness.events.subscribe(seen.handler);
    await publishUntilReceived(harness, seen, "before");
    const trouble = harness.nextTrouble();
    await client.subscription(name).delete();
    expect(await trouble).toMatchObject({
      message: expect.stringContaining("gcloud pubsub subscriptions create"),
    });
    await client.createSubscription(name, name);
    await publishUntilReceived(harness, seen, "after");
  });

  test("a subscription of another topic is refused", async () => {
    const name = `jobs-${randomUUID()}`;
    const client = pubsubClient(emulator.host);
    await client.createTopic(`other-${name}`);
    await client.createSubscription(`other-${name}`, name);
    await expect(
      openPubsub(emulator.host, { topic: name, subscription: name }),
    ).rejects.toMatchObject({
      message: expect.stringContaining(`not projects/${PROJECT}/topics/${name}`),
    });
  });

  test("a handler that outlasts the time to close gives its message back, and its late end does no harm", async () => {
    const harness = await openPubsub(emulator.host, { closeSeconds: 1 });
    const entered = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const stop = await harness.events.subscribe(async () => {
      entered.resolve();
      await release.promise;
    });
    await harness.publish("slow", "RUNNING");
    await entered.promise;
    const stopped = stop();
    const name = harness.topic.name.split("/").at(-1) ?? "";
    const other = await openPubsub(emulator.host, { topic: name, subscription: name });
    const seen = received();
    await other.events.subscribe(seen.handler);
    expect(await seen.has("slow")).toStrictEqual({
      event_id: expect.any(String) as string,
      job_id: "slow",
      state: "RUNNING",
    });
    release.resolve();
    await stopped;
  });

  test("a server that is not there at the start is reported, and events flow when it comes; closing without a server ends", async () => {
    const troubles: string[] = [];
    const nowhere = await googlePubsubEvents({
      projectId: PROJECT,
      topic: "jobs",
      subscription: "jobs",
      create: true,
      emulatorHost: `127.0.0.1:${await freePort()}`,
      answerSeconds: 1,
      clock: systemClock,
      onTrouble: ({ message }) => troubles.push(message),
    });
    expect(troubles).toEqual([expect.stringContaining("the connection is retried")]);
    await nowhere.subscribe(async () => {});
    await nowhere.close();

    await emulator.kill();
    const harness = await openPubsub(emulator.host);
    const seen = received();
    await harness.events.subscribe(seen.handler);
    await emulator.restart();
    await publishUntilReceived(harness, seen, "after");
  });
});
