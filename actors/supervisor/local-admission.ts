import type { RunHost } from "../host/run-host.ts";

/**
 * How a process for given runs admits them: which of them wait, and which count as active. Where
 * runs are swept the store counts, as only it knows those out of memory.
 */
export interface LocalAdmission {
  /** The run is hosted from now on, or a change of it is durable. */
  note(host: RunHost): void;
  remove(host: RunHost): void;
  /** Admits the first ones as far as the limit goes; each is told once. */
  admit(): void;
}

export function createLocalAdmission(maxActive: number): LocalAdmission {
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
    remove(host) {
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
