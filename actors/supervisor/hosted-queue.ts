import type { RunHost } from "../host/run-host.ts";

/**
 * Which hosted runs wait for admission, and which count as active: how a process admits the queued
 * runs that it was given.
 */
export interface HostedQueue {
  /** The run is hosted from now on, or a change of it is durable. */
  note(host: RunHost): void;
  forget(host: RunHost): void;
  /** Admits the first ones as far as the limit goes; each is told once. */
  admit(): void;
}

export function createHostedQueue(maxActive: number): HostedQueue {
  const queued = new Set<RunHost>();
  const active = new Set<RunHost>();
  return {
    note(host) {
      const { status } = host.document();
      if (status === "pending") {
        if (!active.has(host)) queued.add(host);
        return;
      }
      queued.delete(host);
      if (status === "running" && !host.resting()) active.add(host);
      else active.delete(host);
    },
    forget(host) {
      queued.delete(host);
      active.delete(host);
    },
    admit() {
      for (const host of queued) {
        if (active.size >= maxActive) return;
        queued.delete(host);
        active.add(host);
        host.send({ type: "run.admitted" });
      }
    },
  };
}
