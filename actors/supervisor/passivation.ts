import type { Clock } from "../../services/clock/index.ts";
import type { RunStore } from "../../services/runs/index.ts";
import type { RunHost } from "../host/run-host.ts";
import type { OutboxSender } from "../mail/outbox-sender.ts";
import { releaseTogether } from "./release-together.ts";

/**
 * How a hosted run leaves memory (D11).
 *
 * Owns: which runs wait, which of them long enough to go, and the end of their lease.
 * Does not own: the moments at which runs are looked at (the hosting's).
 */
export interface Passivation {
  /** Only an event or a time moves the run on, and no mail of it is under way. */
  waits(host: RunHost): boolean;
  /** A queued run that was hosted for an event goes back to the queue. */
  waitsLong(host: RunHost): boolean;
  /** The run was asked for: for a while it stays although it waits long. */
  keep(runId: string): void;
  remove(runId: string): void;
  /** Takes a run out of memory; the store brings it back at `attentionAt`, or by its next event. */
  passivate(host: RunHost, attentionAt: number | null): Promise<void>;
  /**
   * Takes a run out of memory without a change of what it asks for: the next daemon that looks
   * claims it.
   */
  release(host: RunHost): Promise<void>;
}

export interface PassivationOptions {
  readonly store: Pick<RunStore, "release">;
  readonly clock: Clock;
  /** A run that waits for longer than this leaves memory. */
  readonly passivateMs: number;
  /** Jobs of hosted runs are watched: a run that waits for one stays. */
  readonly watchesJobs: boolean;
  readonly isSending: OutboxSender["isSending"];
  /** The run is hosted no more. */
  readonly remove: (host: RunHost) => void;
}

export function createPassivation({
  store,
  clock,
  passivateMs,
  watchesJobs,
  isSending,
  remove,
}: PassivationOptions): Passivation {
  const keptUntil = new Map<string, number>();
  const release = releaseTogether(store);

  const end = async (
    host: RunHost,
    attention: { readonly attention_at?: number | null },
  ): Promise<void> => {
    remove(host);
    await host.stop();
    await release({ run_id: host.runId, token: host.token, ...attention });
  };

  return {
    waits: (host) => host.waiting() && !isSending(host),
    waitsLong: (host) =>
      host.document().status === "pending" ||
      (!(watchesJobs && host.awaited().length > 0) &&
        (host.wakeAt() ?? Number.POSITIVE_INFINITY) - clock.now() > passivateMs &&
        (keptUntil.get(host.runId) ?? 0) <= clock.now()),
    keep(runId) {
      keptUntil.set(runId, clock.now() + passivateMs);
    },
    remove(runId) {
      keptUntil.delete(runId);
    },
    passivate: (host, attentionAt) => end(host, { attention_at: attentionAt }),
    release: (host) => end(host, {}),
  };
}
