import type { Clock } from "../../services/clock/index.ts";
import type { RunHost } from "../host/run-host.ts";
import type { OutboxSender } from "../mail/outbox-sender.ts";

/** Which hosted runs wait, and which of them long enough to leave memory (D11). */
export interface Passivation {
  /** Only an event or a time moves the run on, and no mail of it is under way. */
  waits(host: RunHost): boolean;
  /** A queued run that was hosted for an event goes back to the queue. */
  waitsLong(host: RunHost): boolean;
  /** The run was asked for: for a while it stays although it waits long. */
  keep(runId: string): void;
  remove(runId: string): void;
}

export interface PassivationOptions {
  readonly clock: Clock;
  /** A run that waits for longer than this leaves memory. */
  readonly passivateMs: number;
  readonly isSending: OutboxSender["isSending"];
}

export function createPassivation({
  clock,
  passivateMs,
  isSending,
}: PassivationOptions): Passivation {
  const keptUntil = new Map<string, number>();
  return {
    waits: (host) => host.waiting() && !isSending(host),
    waitsLong: (host) =>
      host.document().status === "pending" ||
      ((host.wakeAt() ?? Number.POSITIVE_INFINITY) - clock.now() > passivateMs &&
        (keptUntil.get(host.runId) ?? 0) <= clock.now()),
    keep(runId) {
      keptUntil.set(runId, clock.now() + passivateMs);
    },
    remove(runId) {
      keptUntil.delete(runId);
    },
  };
}
