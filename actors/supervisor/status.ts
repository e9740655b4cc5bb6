import type { ErrorCode } from "../../errors.ts";
import type { RunPhase, RunStatus } from "../../services/runs/document.ts";
import type { AdmissionLimits } from "./admission.ts";
import type { RunHost } from "../host/run-host.ts";

/** What a supervisor hosts, and whether it takes more. */
export interface SupervisorStatus {
  readonly owner: string;
  /** No queued run is admitted here. */
  readonly admission_paused: boolean;
  /** Nothing is claimed, and what is hosted is released as soon as it waits. */
  readonly draining: boolean;
  readonly limits: AdmissionLimits;
  readonly hosted: readonly HostedRun[];
}

/** A run in memory, with the lease it is held under. Times are milliseconds. */
export interface HostedRun {
  readonly run_id: string;
  readonly status: RunStatus;
  readonly current_phase: RunPhase | null;
  readonly token: number;
  readonly lease_expires_at: number;
  readonly wake_at: number | null;
  /** Only an event or a time moves it on. */
  readonly waiting: boolean;
  /** Why its step begins again later. */
  readonly postponed: ErrorCode | null;
}

export function hostedRun(host: RunHost): HostedRun {
  const { run_id, status, current_phase } = host.document();
  return {
    run_id,
    status,
    current_phase,
    token: host.token,
    lease_expires_at: host.leaseUntil(),
    wake_at: host.wakeAt(),
    waiting: host.waiting(),
    postponed: host.document().postponed?.code ?? null,
  };
}
