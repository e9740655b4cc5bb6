import { HaystackError } from "../errors.ts";
import { wasRefused, type RunDocument, type RunStatus } from "../services/runs/document.ts";
import type { RunRecord } from "../services/runs/index.ts";

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

/** Nobody hosts it before it is released. */
export const isSetAside = ({ document: { run_id }, set_aside }: RunRecord): HaystackError =>
  new HaystackError(
    set_aside?.code ?? "RECORD_UNREADABLE",
    `Run ${run_id} is set aside; an administrator can look at it with \`haystack quarantine list\` and release it.`,
    { details: { run_id } },
  );

/** Why a run that is failed cannot be retried all the same. */
export function retryForbidden(record: RunRecord): HaystackError | undefined {
  if (record.set_aside !== undefined) return isSetAside(record);
  const { document, snapshot } = record;
  if (!wasRefused({ ...document, snapshot })) return undefined;
  return new HaystackError(
    "RUN_STATE_FORBIDS",
    `Run ${document.run_id} was inserted with invalid values and has no machine; submit a new run with these corrected.`,
    { details: { run_id: document.run_id } },
  );
}
