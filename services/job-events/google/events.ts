import {
  Duration,
  PubSub,
  SubscriptionCloseBehaviors,
  type ClientConfig,
  type Message,
} from "@google-cloud/pubsub";
import { HaystackError } from "../../../errors.ts";
import type { Clock } from "../../clock/index.ts";
import { isPassing, pubsubError } from "./errors.ts";
import { readJobMessage, type IgnoredReason } from "./message.ts";
import { keepReceiving } from "./reception.ts";
import {
  checkDeadLetters,
  checkSubscription,
  makeResources,
  missingAdvice,
  type PubsubResources,
} from "./resources.ts";
import type { JobChanged, JobEvents } from "../index.ts";

export interface GooglePubsubOptions {
  readonly projectId: string;
  /** Short names, or full ones (projects/P/topics/T, projects/P/subscriptions/S). */
  readonly topic: string;
  readonly subscription: string;
  /**
   * Takes a message that was refused `maxDeliveryAttempts` times. Used when the subscription is
   * made.
   */
  readonly deadLetterTopic?: string;
  /** 5 to 100; 20 by default, which with the default waits is about a quarter of an hour. */
  readonly maxDeliveryAttempts?: number;
  /** Wait before a refused message comes again, growing from `least` to `most` (at most 600). */
  readonly redeliverySeconds?: { readonly least: number; readonly most: number };
  /** Makes missing topics and subscriptions, also when they vanish later. */
  readonly create: boolean;
  /** Messages handed to the handler at the same time. */
  readonly maxInFlight?: number;
  /** How long stopping waits for handlers before their messages go back to Pub/Sub. */
  readonly closeSeconds?: number;
  /** How long a call to make or look at topics and subscriptions may take; 15 by default. */
  readonly answerSeconds?: number;
  /** host:port of an emulator instead of the service. */
  readonly emulatorHost?: string;
  readonly clock: Clock;
  /** Told each time that events do not flow, with what to do. */
  readonly onTrouble: (trouble: HaystackError) => void;
  readonly onRefused?: (event: JobChanged, thrown: unknown) => void;
  readonly onIgnored?: (reason: IgnoredReason, messageId: string) => void;
}

/** Messages since the start; every one received ends in exactly one of the others. */
export interface PubsubCounters {
  readonly received: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly ignored: Readonly<Record<IgnoredReason, number>>;
}

export interface GooglePubsubEvents extends JobEvents {
  counters(): PubsubCounters;
}

function openClient(projectId: string, emulatorHost: string | undefined): PubSub {
  const channel: ClientConfig & Record<`grpc.${string}`, number> = {
    projectId,
    "grpc.max_reconnect_backoff_ms": 1000,
  };
  return new PubSub(
    emulatorHost === undefined
      ? channel
      : { ...channel, apiEndpoint: emulatorHost, emulatorMode: true },
  );
}

/** What deploy/terraform gives the subscription too. */
export const DELIVERY = { maxAttempts: 20, againSeconds: { least: 1, most: 60 } } as const;

/**
 * Job events from the notifications of Google Batch on a Pub/Sub pull subscription. A message is
 * acknowledged after its handler resolved and given back when it rejects; what is no job event is
 * acknowledged and counted. Error JOB_EVENTS_UNAVAILABLE when the subscription cannot be used; a
 * server that does not answer now is only reported.
 */
export async function googlePubsubEvents(
  options: GooglePubsubOptions,
): Promise<GooglePubsubEvents> {
  const { projectId, emulatorHost, clock, onTrouble, onRefused, onIgnored } = options;
  const resources: PubsubResources = {
    topic: options.topic,
    subscription: options.subscription,
    deadLetterTopic: options.deadLetterTopic,
    maxDeliveryAttempts: options.maxDeliveryAttempts ?? DELIVERY.maxAttempts,
    answerMs: (options.answerSeconds ?? 15) * 1000,
    redeliverySeconds: options.redeliverySeconds ?? DELIVERY.againSeconds,
  };
  const client = openClient(projectId, emulatorHost);
  const asTrouble = (thrown: unknown): HaystackError =>
    pubsubError(thrown, resources.subscription, missingAdvice(resources));
  const prepare = async (): Promise<void> => {
    if (options.create) await makeResources(client, resources);
    await checkSubscription(client, resources);
  };
  try {
    await prepare();
    // At the start alone: later no event shall be missed for want of a place for refused ones.
    await checkDeadLetters(client, resources);
  } catch (thrown) {
    if (!isPassing(thrown)) {
      await client.close();
      throw asTrouble(thrown);
    }
    onTrouble(asTrouble(thrown));
  }

  const counters = {
    received: 0,
    acknowledged: 0,
    refused: 0,
    ignored: { task_event: 0, not_a_job_event: 0, unknown_job_name: 0, unknown_state: 0 },
  };
  const inFlight = new Set<Promise<void>>();
  let stopPresent: (() => Promise<void>) | undefined;
  let closed = false;

  const handOver = async (
    message: Message,
    handler: (event: JobChanged) => Promise<void>,
  ): Promise<void> => {
    counters.received++;
    const read = readJobMessage(message.id, message.attributes);
    if ("ignored" in read) {
      counters.ignored[read.ignored]++;
      message.ack();
      onIgnored?.(read.ignored, message.id);
      return;
    }
    try {
      await handler(read.event);
    } catch (thrown) {
      counters.refused++;
      message.nack();
      onRefused?.(read.event, thrown);
      return;
    }
    counters.acknowledged++;
    message.ack();
  };

  return {
    async subscribe(handler) {
      if (stopPresent !== undefined || closed)
        throw new HaystackError(
          "INTERNAL",
          "Job events have one subscriber per process; stop the present one first.",
        );
      const stopReceiving = keepReceiving({
        clock,
        prepare,
        fresh: () =>
          client.subscription(resources.subscription, {
            flowControl: { maxMessages: options.maxInFlight ?? 100, allowExcessMessages: false },
            closeOptions: {
              behavior: SubscriptionCloseBehaviors.WaitForProcessing,
              timeout: Duration.from({ seconds: options.closeSeconds ?? 20 }),
            },
            streamingOptions: {
              maxStreams: 1,
              retryMinBackoff: Duration.from({ milliseconds: 100 }),
              retryMaxBackoff: Duration.from({ seconds: 2 }),
            },
          }),
        onMessage: (message) => {
          const work: Promise<void> = handOver(message, handler).finally(() =>
            inFlight.delete(work),
          );
          inFlight.add(work);
        },
        onLost: (thrown) => onTrouble(asTrouble(thrown)),
      });
      const stop = async (): Promise<void> => {
        if (stopPresent !== stop) return;
        await stopReceiving();
        await Promise.all(inFlight);
        stopPresent = undefined;
      };
      stopPresent = stop;
      return stop;
    },
    counters: () => structuredClone(counters),
    check: () =>
      checkSubscription(client, resources).catch((thrown: unknown) => {
        throw asTrouble(thrown);
      }),
    async close() {
      if (closed) return;
      closed = true;
      await stopPresent?.();
      await client.close();
    },
  };
}
