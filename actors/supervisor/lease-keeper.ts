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

export interface LeaseKeeper {
  renew(): Promise<void>;
  /**
   * Renews where the time of day has run ahead of time since the last renewal: leases end by the one
   * and are held by the other, and the next claim would take runs of this daemon for free.
   */
  renewIfTimesPart(): Promise<void>;
}

const PARTING_MS = 50;

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
}: LeaseKeeperOptions): LeaseKeeper {
  const ahead = (): number => clock.now() - clock.elapsed();
  let aheadAtRenewal = ahead();
  const loseExpired = (held: readonly RunHost[]): void => {
    for (const host of held) if (!host.leaseHolds()) onLost(host, "could not be renewed in time");
  };
  const renew = async (): Promise<void> => {
    const started = clock.elapsed();
    const until = clock.now() + leaseMs;
    const aheadNow = ahead();
    const held = hosts();
    if (held.length === 0) {
      aheadAtRenewal = aheadNow;
      return;
    }
    const cancelDeadline = clock.after(leaseMs, () => loseExpired(held));
    try {
      const kept = new Set(
        await store.renew(
          owner,
          held.map(({ runId, token }) => ({ run_id: runId, token })),
          until,
        ),
      );
      aheadAtRenewal = aheadNow;
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
  };
  return {
    renew,
    async renewIfTimesPart() {
      if (ahead() - aheadAtRenewal > PARTING_MS) await renew();
    },
  };
}
