import { HaystackError } from "../errors.ts";
import type { RunDocument, RunStatus } from "../services/runs/document.ts";

/** What a user may wish of a run. */
export type Wish = "cancel" | "retry";

/**
 * - `acts`: the run takes the event and changes.
 * - `granted`: it is so already; asking twice does nothing twice.
 * - `forbidden`: RUN_STATE_FORBIDS.
 */
export type WishAnswer = "acts" | "granted" | "forbidden";

const ANSWERS: Readonly<Record<Wish, Readonly<Record<RunStatus, WishAnswer>>>> = {
  cancel: {
    pending: "acts",
    running: "acts",
    failed: "acts",
    cancelled: "granted",
    completed: "forbidden",
  },
  retry: {
    pending: "granted",
    running: "granted",
    failed: "acts",
    cancelled: "forbidden",
    completed: "forbidden",
  },
};

/** The event that carries the wish to the machine of the run. */
export const WISH_EVENTS = {
  cancel: "cancel.requested",
  retry: "retry.requested",
} as const satisfies Record<Wish, string>;

export const answerToWish = (wish: Wish, status: RunStatus): WishAnswer => ANSWERS[wish][status];

export const runStateForbids = ({ run_id, status }: RunDocument): HaystackError =>
  new HaystackError("RUN_STATE_FORBIDS", `Run ${run_id} is ${status}; nothing was changed.`, {
    details: { run_id },
  });
