import { PubSub, type Topic } from "@google-cloud/pubsub";
import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import type { HaystackError } from "../../errors.ts";
import { systemClock } from "../../services/clock/system.ts";
import {
  googlePubsubEvents,
  type GooglePubsubEvents,
  type GooglePubsubOptions,
} from "../../services/job-events/google/events.ts";
import type { JobChanged } from "../../services/job-events/index.ts";

export const PROJECT = "haystack-test";

/** What Google Batch publishes when a job changes. */
export const notification = (jobId: string, state: string): Record<string, string> => ({
  Type: "JOB_STATE_CHANGED",
  JobName: `projects/123456/locations/us-central1/jobs/${jobId}`,
  JobUID: `${jobId}-0a1b2c`,
  NewJobState: state,
});

export interface PubsubHarness {
  readonly events: GooglePubsubEvents;
  readonly topic: Topic;
  readonly client: PubSub;
  readonly troubles: HaystackError[];
  /** Resolves when the next trouble is told. */
  readonly nextTrouble: () => Promise<HaystackError>;
  readonly publish: (
    jobId: string,
    state: string,
    more?: { readonly body?: string },
  ) => Promise<string>;
}

export function pubsubClient(host: string): PubSub {
  const channel = {
    projectId: PROJECT,
    apiEndpoint: host,
    emulatorMode: true,
    "grpc.max_reconnect_backoff_ms": 1000,
  };
  const client = new PubSub(channel);
  onTestFinished(() => client.close());
  return client;
}

/** Fresh topic and subscription on the emulator. The events are closed after the test. */
export async function openPubsub(
  host: string,
  options: Partial<GooglePubsubOptions> = {},
): Promise<PubsubHarness> {
  const name = `jobs-${randomUUID()}`;
  const client = pubsubClient(host);
  const troubles: HaystackError[] = [];
  let next = Promise.withResolvers<HaystackError>();
  const events = await googlePubsubEvents({
    projectId: PROJECT,
    topic: name,
    subscription: name,
    create: true,
    emulatorHost: host,
    clock: systemClock,
    redeliverySeconds: { least: 0, most: 1 },
    onTrouble: (trouble) => {
      troubles.push(trouble);
      next.resolve(trouble);
      next = Promise.withResolvers();
    },
    ...options,
  });
  onTestFinished(() => events.close());
  const topic = client.topic(options.topic ?? name, { batching: { maxMilliseconds: 1 } });
  return {
    events,
    topic,
    client,
    troubles,
    nextTrouble: () => next.promise,
    publish: (jobId, state, { body = `Job state was updated: ${jobId} ${state}` } = {}) =>
      topic.publishMessage({ data: Buffer.from(body), attributes: notification(jobId, state) }),
  };
}

export interface Received {
  readonly all: JobChanged[];
  readonly handler: (event: JobChanged) => Promise<void>;
  /** Resolves when an event of the job has come. */
  readonly has: (jobId: string) => Promise<JobChanged>;
}

export function received(): Received {
  const all: JobChanged[] = [];
  const waiting = new Map<string, PromiseWithResolvers<JobChanged>>();
  const of = (jobId: string): PromiseWithResolvers<JobChanged> => {
    const known = waiting.get(jobId) ?? Promise.withResolvers<JobChanged>();
    waiting.set(jobId, known);
    return known;
  };
  return {
    all,
    handler: async (event) => {
      all.push(event);
      of(event.job_id).resolve(event);
    },
    has: (jobId) => of(jobId).promise,
  };
}
