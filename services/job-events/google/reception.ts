import type { Message, Subscription } from "@google-cloud/pubsub";
import type { Clock } from "../../clock/index.ts";

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 30_000;
/** A stream that lasted this long was a good one: the next wait is short again. */
const GOOD_MS = 60_000;

interface ReceptionOptions {
  readonly clock: Clock;
  /** A fresh, unopened subscription: one that was closed must not be opened again. */
  readonly fresh: () => Subscription;
  /** Runs before a lost stream is opened anew; rejects when it cannot be. */
  readonly prepare: () => Promise<void>;
  readonly onMessage: (message: Message) => void;
  readonly onLost: (thrown: unknown) => void;
}

/**
 * Keeps one streaming pull open until it is stopped. The client itself reconnects when the server
 * goes away for a while; a stream that ends for good (the subscription is gone, the account is
 * refused) is replaced by one on a new Subscription, ever more slowly.
 */
export function keepReceiving({
  clock,
  fresh,
  prepare,
  onMessage,
  onLost,
}: ReceptionOptions): () => Promise<void> {
  const closings = new Set<Promise<void>>();
  let current: Subscription | undefined;
  let openedAt = 0;
  let failures = 0;
  let stopped = false;
  let forgetReopening = (): void => {};
  let reopening = Promise.resolve();

  const close = (subscription: Subscription): void => {
    const closing: Promise<void> = subscription
      .close()
      .catch(onLost)
      .finally(() => closings.delete(closing));
    closings.add(closing);
  };
  const lose = (subscription: Subscription, thrown: unknown): void => {
    if (subscription !== current) return;
    current = undefined;
    close(subscription);
    if (clock.elapsed() - openedAt > GOOD_MS) failures = 0;
    onLost(thrown);
    reopenLater();
  };
  const open = (): void => {
    const subscription = fresh();
    current = subscription;
    openedAt = clock.elapsed();
    subscription.on("error", (thrown) => lose(subscription, thrown));
    subscription.on("close", () => lose(subscription, undefined));
    subscription.on("message", onMessage);
  };
  const reopen = async (): Promise<void> => {
    try {
      await prepare();
      if (!stopped) open();
    } catch (thrown) {
      onLost(thrown);
      if (!stopped) reopenLater();
    }
  };
  const reopenLater = (): void => {
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures++, 20));
    forgetReopening = clock.after(wait, () => {
      reopening = reopen();
    });
  };

  open();
  return async () => {
    stopped = true;
    forgetReopening();
    const last = current;
    current = undefined;
    if (last !== undefined) close(last);
    await reopening;
    await Promise.all(closings);
  };
}
