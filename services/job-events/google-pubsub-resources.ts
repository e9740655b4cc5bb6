import type { PubSub } from "@google-cloud/pubsub";
import { HaystackError } from "../../errors.ts";
import { ALREADY_EXISTS, codeOf, PERMISSION_DENIED } from "./google-pubsub-errors.ts";

export interface PubsubResources {
  /** Short names, or full ones (projects/P/topics/T). */
  readonly topic: string;
  readonly subscription: string;
  readonly deadLetterTopic: string | undefined;
  readonly maxDeliveryAttempts: number;
  readonly redeliverySeconds: { readonly least: number; readonly most: number };
}

const CALL = { timeout: 15_000 } as const;

const unlessPresent = async (made: Promise<unknown>): Promise<void> => {
  try {
    await made;
  } catch (thrown) {
    if (codeOf(thrown) !== ALREADY_EXISTS) throw thrown;
  }
};

/** Makes what is missing. The dead-letter topic gets a subscription of its own name, or its messages would be lost. */
export async function makeResources(client: PubSub, resources: PubsubResources): Promise<void> {
  const { topic, subscription, deadLetterTopic, maxDeliveryAttempts, redeliverySeconds } = resources;
  const keptForEver = { expirationPolicy: {} } as const;
  await unlessPresent(client.createTopic(topic, CALL));
  if (deadLetterTopic !== undefined) {
    await unlessPresent(client.createTopic(deadLetterTopic, CALL));
    const name = deadLetterTopic.slice(deadLetterTopic.lastIndexOf("/") + 1);
    await unlessPresent(client.createSubscription(deadLetterTopic, name, { ...keptForEver, gaxOpts: CALL }));
  }
  await unlessPresent(
    client.createSubscription(topic, subscription, {
      ...keptForEver,
      retryPolicy: { minimumBackoff: { seconds: redeliverySeconds.least }, maximumBackoff: { seconds: redeliverySeconds.most } },
      ...(deadLetterTopic === undefined ? {} : { deadLetterPolicy: { deadLetterTopic: client.topic(deadLetterTopic).name, maxDeliveryAttempts } }),
      gaxOpts: CALL,
    }),
  );
}

/** Refuses a subscription that is missing (thrown as Pub/Sub's NOT_FOUND) or reads another topic. An account that may only consume cannot look, and passes. */
export async function checkSubscription(client: PubSub, { topic, subscription }: PubsubResources): Promise<void> {
  const wanted = client.topic(topic).name;
  try {
    const [found] = await client.subscription(subscription).getMetadata(CALL);
    if (found.topic === undefined || found.topic === null || found.topic === wanted) return;
    throw new HaystackError(
      "JOB_EVENTS_UNAVAILABLE",
      `The Pub/Sub subscription ${subscription} reads ${found.topic}, not ${wanted}: delete it, or name another subscription.`,
    );
  } catch (thrown) {
    if (codeOf(thrown) === PERMISSION_DENIED) return;
    throw thrown;
  }
}

export const missingAdvice = ({ topic, subscription }: PubsubResources): string =>
  `The Pub/Sub subscription ${subscription} or the topic ${topic} does not exist: make them (gcloud pubsub topics create ${topic}; gcloud pubsub subscriptions create ${subscription} --topic=${topic}), or allow the daemon to make them.`;
