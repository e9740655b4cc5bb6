import type { Clock } from "../../../services/clock/index.ts";
import type { JobChanged, JobEvents } from "../../../services/job-events/index.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { Random } from "./random.ts";
import type { Fault } from "./witness.ts";

/**
 * A subscription shared by all processes: events are lost, doubled, late and out of order, and come
 * again until acknowledged.
 */
export interface JobEventChannel {
  publish(event: JobChanged): void;
  client(process: DaemonProcess): JobEvents;
}

interface ChannelOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly faultsUntil: number;
  /** Checks that what the process acknowledges is stored. */
  readonly onAcknowledged: (event: JobChanged) => void;
  readonly onFault: (kind: Fault) => void;
}

const REDELIVERY_MS = 60_000;
const MOST_DELIVERIES = 15;

export function jobEventChannel({
  clock,
  random,
  faultsUntil,
  onAcknowledged,
  onFault,
}: ChannelOptions): JobEventChannel {
  const published: string[] = [];
  let newest = -1;
  const subscribers: {
    readonly process: DaemonProcess;
    readonly handler: (event: JobChanged) => Promise<void>;
  }[] = [];
  const after = (ms: number, work: () => void): void => void clock.at(clock.now() + ms, work);

  const deliver = (event: JobChanged, deliveries: number): void => {
    if (deliveries > MOST_DELIVERIES) return;
    const present = subscribers.filter(({ process }) => process.alive);
    const [first, ...others] = present;
    if (first === undefined) return after(REDELIVERY_MS, () => deliver(event, deliveries + 1));
    let settled = false;
    const again = (ms: number): void => {
      if (settled) return;
      settled = true;
      after(ms, () => deliver(event, deliveries + 1));
    };
    const { process, handler } = random.pick([first, ...others]);
    const acknowledge = (): void => {
      settled = true;
      const place = published.indexOf(event.event_id);
      if (place < newest) onFault("event out of order");
      newest = Math.max(newest, place);
      onAcknowledged(event);
    };
    process.later(
      random.between(1, 5),
      () => void handler(event).then(acknowledge, () => again(random.between(500, 5_000))),
    );
    after(REDELIVERY_MS, () => again(0));
  };

  return {
    publish(event) {
      const faulty = clock.now() < faultsUntil;
      if (faulty && random.chance(0.25)) return onFault("event lost");
      const copies = faulty && random.chance(0.2) ? 2 : 1;
      if (copies === 2) onFault("event doubled");
      published.push(event.event_id);
      for (let copy = 0; copy < copies; copy++) {
        const late = faulty && random.chance(0.3);
        if (late) onFault("event late");
        after(late ? random.between(1_000, 300_000) : random.between(5, 500), () =>
          deliver(event, 1),
        );
      }
    },
    client: (process) => ({
      async subscribe(handler) {
        const subscriber = { process, handler };
        subscribers.push(subscriber);
        return async () => void subscribers.splice(subscribers.indexOf(subscriber), 1);
      },
      close: () => Promise.resolve(),
    }),
  };
}
