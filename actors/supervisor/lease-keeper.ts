import type { Clock } from "../../services/clock/index.ts";
import type { RunStore } from "../../services/runs/index.ts";
import type { RunHost } from "../host/run-host.ts";

export interface LeaseKeeperOptions {
  readonly store: Pick<RunStore, "renew">;
  readonly clock: Clock;
  readonly owner: string;
  readonly leaseMs: number;
  readonly hosts: () => readonly RunHost[];
  /** The lease of the run is lost; `why` ends the sentence "The lease of run X ...". */
  readonly onLost: (host: RunHost, why: string) => void;
}

/**
 * Renews the leases of all hosted runs in one write; those that were not renewed in time are lost,
 * however long the store takes to answer (D9).
 */
export function createLeaseKeeper({
  store,
  clock,
  owner,
  leaseMs,
  hosts,
  onLost,
}: LeaseKeeperOptions): { renew(): Promise<void> } {
  const loseExpired = (held: readonly RunHost[]): void => {
    for (const host of held) if (!host.leaseHolds()) onLost(host, "could not be renewed in time");
  };
  return {
    async renew() {
      const started = clock.elapsed();
      const until = clock.now() + leaseMs;
      const held = hosts();
      if (held.length === 0) return;
      const cancelDeadline = clock.after(leaseMs, () => loseExpired(held));
      try {
        const kept = new Set(
          await store.renew(
            owner,
            held.map(({ runId, token }) => ({ run_id: runId, token })),
            until,
          ),
        );
        for (const host of held) {
          if (kept.has(host.runId)) host.renewed(started + leaseMs);
          else onLost(host, "was given to another daemon");
        }
      } catch (thrown) {
        loseExpired(held);
        throw thrown;
      } finally {
        cancelDeadline();
      }
    },
  };
}
