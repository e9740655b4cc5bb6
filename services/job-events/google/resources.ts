import type { CallOptions, PubSub } from "@google-cloud/pubsub";
import { HaystackError } from "../../../errors.ts";
import { GRPC, grpcCode } from "../../http/grpc-reason.ts";

export interface PubsubResources {
  /** Short names, or full ones (projects/P/topics/T). */
  readonly topic: string;
  readonly subscription: string;
  readonly deadLetterTopic: string | undefined;
  readonly maxDeliveryAttempts: number;
  readonly redeliverySeconds: { readonly least: number; readonly most: number };
  readonly answerMs: number;
}

/** One try: the client's own retries would take minutes. */
const oneCall = (timeout: number): CallOptions => ({ timeout, retry: null });

const unlessPresent = async (made: Promise<unknown>): Promise<void> => {
  try {
    await made;
  } catch (thrown) {
    if (grpcCode(thrown) !== GRPC.ALREADY_EXISTS) throw thrown;
  }
};

/**
 * Makes what is missing. The dead-letter topic gets a subscription of its own name, or its messages
 * would be lost.
 */
export async function makeResources(client: PubSub, resources: PubsubResources): Promise<void> {
  const { topic, subscription, deadLetterTopic, maxDeliveryAttempts, redeliverySeconds } =
    resources;
  const call = oneCall(resources.answerMs);
  const keptForEver = { expirationPolicy: {} } as const;
  await unlessPresent(client.createTopic(topic, call));
  if (deadLetterTopic !== undefined) {
    await unlessPresent(client.createTopic(deadLetterTopic, call));
    const name = deadLetterTopic.slice(deadLetterTopic.lastIndexOf("/") + 1);
    await unlessPresent(
      client.createSubscription(deadLetterTopic, name, { ...keptForEver, gaxOpts: call }),
    );
  }
  await unlessPresent(
    client.createSubscription(topic, subscription, {
      ...keptForEver,
      retryPolicy: {
        minimumBackoff: { seconds: redeliverySeconds.least },
        maximumBackoff: { seconds: redeliverySeconds.most },
      },
      ...(deadLetterTopic === undefined
        ? {}
        : {
            deadLetterPolicy: {
              deadLetterTopic: client.topic(deadLetterTopic).name,
              maxDeliveryAttempts,
            },
          }),
      gaxOpts: call,
    }),
  );
}

/**
 * Refuses a subscription that is missing (thrown as Pub/Sub's GRPC.NOT_FOUND) or reads another topic. An
 * account that may only consume cannot look, and passes.
 */
export async function checkSubscription(
  client: PubSub,
  { topic, subscription, answerMs }: PubsubResources,
): Promise<void> {
  const wanted = client.topic(topic).name;
  try {
    const [found] = await client.subscription(subscription).getMetadata(oneCall(answerMs));
    if (found.topic === undefined || found.topic === null || found.topic === wanted) return;
    throw new HaystackError(
      "JOB_EVENTS_UNAVAILABLE",
      `The Pub/Sub subscription ${subscription} belongs to ${found.topic}, not ${wanted}; delete it, or choose another subscription.`,
    );
  } catch (thrown) {
    if (grpcCode(thrown) === GRPC.PERMISSION_DENIED) return;
    throw thrown;
  }
}

/**
 * Refuses where refused messages would not reach the dead-letter topic that is configured. An
 * account that may only consume cannot look, and passes.
 */
export async function checkDeadLetters(
  client: PubSub,
  { subscription, deadLetterTopic, maxDeliveryAttempts, answerMs }: PubsubResources,
): Promise<void> {
  if (deadLetterTopic === undefined) return;
  const call = oneCall(answerMs);
  const refuse = (problem: string, advice: string): never => {
    throw new HaystackError(
      "JOB_EVENTS_UNAVAILABLE",
      `${problem}: ${advice}, or unset PUBSUB_DEAD_LETTER_TOPIC.`,
    );
  };
  try {
    const [{ deadLetterPolicy }] = await client.subscription(subscription).getMetadata(call);
    if (deadLetterPolicy?.deadLetterTopic !== client.topic(deadLetterTopic).name) {
      refuse(
        `The Pub/Sub subscription ${subscription} does not forward rejected messages to the topic ${deadLetterTopic}`,
        `gcloud pubsub subscriptions update ${subscription} --dead-letter-topic=${deadLetterTopic} --max-delivery-attempts=${maxDeliveryAttempts}`,
      );
    }
    await client.topic(deadLetterTopic).getMetadata(call);
  } catch (thrown) {
    if (grpcCode(thrown) === GRPC.NOT_FOUND)
      refuse(
        `The Pub/Sub topic ${deadLetterTopic} does not exist`,
        `gcloud pubsub topics create ${deadLetterTopic}`,
      );
    if (grpcCode(thrown) !== GRPC.PERMISSION_DENIED) throw thrown;
  }
}

export const missingAdvice = ({ topic, subscription }: PubsubResources): string =>
  `The Pub/Sub subscription ${subscription} or the topic ${topic} does not exist; create them (gcloud pubsub topics create ${topic}; gcloud pubsub subscriptions create ${subscription} --topic=${topic}), or set PUBSUB_CREATE=true.`;
