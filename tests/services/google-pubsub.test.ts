import { afterAll, beforeAll, expect, test } from "vitest";
import {
  describeWithPubsub,
  startPubsubEmulator,
  type PubsubEmulator,
} from "../support/pubsub-emulator.ts";
import { notification, openPubsub, PROJECT, received } from "./google-pubsub-harness.ts";
import { jobEventsContract } from "./job-events.contract.ts";

const NONE_IGNORED = { task_event: 0, not_a_job_event: 0, unknown_job_name: 0, unknown_state: 0 };

describeWithPubsub("Pub/Sub emulator", () => {
  let emulator: PubsubEmulator;
  beforeAll(async () => {
    emulator = await startPubsubEmulator();
  });
  afterAll(() => emulator.stop());

  jobEventsContract("google pubsub", async () => {
    const { events, publish } = await openPubsub(emulator.host);
    return { events, publish: ({ job_id, state }) => void publish(job_id, state) };
  });

  test("a doubled message comes twice with ids of its own, a late one after newer ones, all are acknowledged", async () => {
    const { events, publish } = await openPubsub(emulator.host);
    const { handler, all, has } = received();
    await events.subscribe(handler);
    await publish("job-1", "SUCCEEDED");
    await publish("job-1", "SUCCEEDED");
    await publish("job-1", "RUNNING");
    await publish("last", "QUEUED");
    await has("last");
    await events.close();
    expect(all.map(({ job_id, state }) => `${job_id} ${state}`).toSorted()).toEqual([
      "job-1 RUNNING",
      "job-1 SUCCEEDED",
      "job-1 SUCCEEDED",
      "last QUEUED",
    ]);
    expect(new Set(all.map(({ event_id }) => event_id)).size).toBe(4);
    expect(events.counters()).toStrictEqual({
      received: 4,
      acknowledged: 4,
      refused: 0,
      ignored: NONE_IGNORED,
    });
  });

  test("what is no job event is acknowledged and counted, never handed over, and never comes again", async () => {
    const ignored: string[] = [];
    const { events, topic, publish } = await openPubsub(emulator.host, {
      onIgnored: (reason) => ignored.push(reason),
    });
    const { handler, all, has } = received();
    await events.subscribe(handler);
    const send = (
      attributes: Record<string, string>,
      data = Buffer.from([0xff, 0xfe, 0, 1]),
    ): Promise<string> => topic.publishMessage({ attributes, data });
    await send({});
    await send({}, Buffer.from('{"name": "projects/p/jobs/job-1", "status": {"state": "FAILED"}}'));
    await send({
      Type: "TASK_STATE_CHANGED",
      TaskName: "projects/p/locations/l/jobs/job-1/taskGroups/group0/tasks/0",
      NewTaskState: "FAILED",
    });
    await send({
      Type: "SOMETHING_NEW",
      JobName: "projects/p/locations/l/jobs/job-1",
      NewJobState: "FAILED",
    });
    await send({
      ...notification("job-1", "FAILED"),
      JobName: "projects/p/locations/l/jobs/Not A Job/",
    });
    await send(notification("job-1", "toString"));
    await publish("job-2", "RUNNING", { body: "{broken json" });
    await publish("last", "DELETION_IN_PROGRESS");
    expect(await has("last")).toStrictEqual({
      event_id: expect.any(String) as string,
      job_id: "last",
      state: "CANCELLATION_IN_PROGRESS",
    });
    await has("job-2");
    await events.close();
    expect(all.map(({ job_id }) => job_id).toSorted()).toEqual(["job-2", "last"]);
    expect(events.counters()).toEqual({
      received: 8,
      acknowledged: 2,
      refused: 0,
      ignored: { task_event: 1, not_a_job_event: 3, unknown_job_name: 1, unknown_state: 1 },
    });
    expect(ignored).toHaveLength(6);

    const again = await openPubsub(emulator.host, {
      topic: topic.name,
      subscription: topic.name.split("/").at(-1) ?? "",
    });
    const later = received();
    await again.events.subscribe(later.handler);
    await again.publish("marker", "RUNNING");
    await later.has("marker");
    expect(later.all).toHaveLength(1);
  });

  test("a message that is refused at every delivery goes to the dead-letter topic, the others pass by it", async () => {
    const deadLetterTopic = `dead-${Date.now()}`;
    const refusals: unknown[] = [];
    const { events, publish, client, topic } = await openPubsub(emulator.host, {
      deadLetterTopic,
      maxDeliveryAttempts: 5,
      onRefused: (_, thrown) => refusals.push(thrown),
    });
    const { handler, has } = received();
    await events.subscribe((event) => {
      if (event.job_id === "poison") throw new Error("thrown before any promise");
      return handler(event);
    });
    const dead = Promise.withResolvers<Record<string, string>>();
    const deadLetters = client.subscription(deadLetterTopic);
    deadLetters.on("message", (message) => {
      message.ack();
      dead.resolve(message.attributes);
    });
    await publish("poison", "FAILED");
    await publish("wholesome", "RUNNING");
    await has("wholesome");
    expect(await dead.promise).toStrictEqual({
      ...notification("poison", "FAILED"),
      CloudPubSubDeadLetterSourceDeliveryCount: "5",
      CloudPubSubDeadLetterSourceSubscription: topic.name.split("/").at(-1),
      CloudPubSubDeadLetterSourceSubscriptionProject: PROJECT,
      CloudPubSubDeadLetterSourceTopicPublishTime: expect.any(String) as string,
    });
    await deadLetters.close();
    await events.close();
    expect(refusals.length).toBeGreaterThanOrEqual(5);
    expect(events.counters()).toStrictEqual({
      received: refusals.length + 1,
      acknowledged: 1,
      refused: refusals.length,
      ignored: NONE_IGNORED,
    });
  });

  test("closing waits for the handlers in flight, whose messages do not come again", async () => {
    const { events, publish, topic } = await openPubsub(emulator.host);
    const entered = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    let present = 0;
    await events.subscribe(async () => {
      if (++present === 5) entered.resolve();
      await release.promise;
    });
    await Promise.all(
      Array.from({ length: 5 }, (_, number) => publish(`job-${number}`, "RUNNING")),
    );
    await entered.promise;
    const closed = events.close();
    release.resolve();
    await closed;
    expect(events.counters()).toStrictEqual({
      received: 5,
      acknowledged: 5,
      refused: 0,
      ignored: NONE_IGNORED,
    });

    const name = topic.name.split("/").at(-1) ?? "";
    const again = await openPubsub(emulator.host, { topic: name, subscription: name });
    const later = received();
    await again.events.subscribe(later.handler);
    await again.publish("marker", "RUNNING");
    await later.has("marker");
    expect(later.all.map(({ job_id }) => job_id)).toEqual(["marker"]);
  });

  test("no more messages are in the handler's hands than allowed", async () => {
    const { events, publish } = await openPubsub(emulator.host, { maxInFlight: 5 });
    const done = Promise.withResolvers<void>();
    let present = 0;
    let most = 0;
    let finished = 0;
    await events.subscribe(async () => {
      most = Math.max(most, ++present);
      await new Promise(setImmediate);
      present--;
      if (++finished === 40) done.resolve();
    });
    await Promise.all(
      Array.from({ length: 40 }, (_, number) => publish(`job-${number}`, "RUNNING")),
    );
    await done.promise;
    expect(most).toBeLessThanOrEqual(5);
  });
});
