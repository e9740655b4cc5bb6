import type { ErrorRecord } from "../../errors.ts";

/**
 * Where the life of one hosted run stands. `become` is the one place that changes it, and the table
 * FOLLOWS says from where each state may be entered.
 *
 * - `starting`: its machine is being started. What a restored snapshot invokes is durable already.
 * - `live`: its machine runs.
 * - `parked`: its machine broke under an earlier host and has not been started here; a retry or a
 *   cancellation starts it.
 * - `broken`: its machine broke here; only a new host can start it again.
 * - `refused`: its id cannot name jobs, so its machine is never started.
 * - `unreadable`: no machine of this release can read its snapshot (D10).
 * - `stopped`: its actor is stopped; nothing more is written and no step starts.
 *
 * A run with an `error` is shown as failed for as long.
 */
export type RunLife =
  | { readonly state: "starting" | "live" | "stopped" }
  | {
      readonly state: "parked" | "broken" | "refused" | "unreadable";
      readonly error: ErrorRecord;
    };

export type RunLifeState = RunLife["state"];

const FOLLOWS: Readonly<Record<RunLifeState, readonly RunLifeState[]>> = {
  parked: ["starting", "stopped"],
  starting: ["live", "broken", "stopped"],
  live: ["broken", "stopped"],
  broken: ["stopped"],
  refused: ["stopped"],
  unreadable: ["stopped"],
  stopped: [],
};

export interface RunLifeHolder {
  readonly state: RunLifeState;
  /** Why the run is shown as failed, whatever its machine says; null where the machine decides. */
  readonly error: ErrorRecord | null;
  become(next: RunLife): void;
}

export function createRunLife(first: RunLife): RunLifeHolder {
  let life = first;
  return {
    get state() {
      return life.state;
    },
    get error() {
      return "error" in life ? life.error : null;
    },
    become(next) {
      if (!FOLLOWS[life.state].includes(next.state))
        throw new Error(`A run that is ${life.state} cannot become ${next.state}.`);
      life = next;
    },
  };
}
