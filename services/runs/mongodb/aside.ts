import { ObjectId, type Collection, type Filter, type UpdateFilter } from "mongodb";
import { shownId } from "../damage.ts";
import type { RunStore } from "../index.ts";
import { LIMITED, type StoredRun } from "./record.ts";

/** Runs that are set aside: a note in the run itself, which every claim and commit looks for. */

export const IS_ASIDE = { set_aside: { $exists: true, $ne: null } } as Filter<StoredRun>;
export const NOT_ASIDE = { set_aside: null } as Filter<StoredRun>;

const ENDED: ReadonlySet<unknown> = new Set(["completed", "failed", "cancelled"]);
/** The run may be written at the same time. */
const ATTEMPTS = 5;

type Raw = Readonly<Record<string, unknown>>;

const count = (value: unknown): number =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;

/** The run that is shown under the id; its own field may be damaged. */
export async function findRun(
  runs: Collection<StoredRun>,
  runId: string,
): Promise<StoredRun | undefined> {
  const named = await runs.findOne({ run_id: runId }, LIMITED);
  if (named !== null) return named;
  const ids = [runId, ...(/^[0-9a-f]{24}$/.test(runId) ? [new ObjectId(runId)] : [])];
  const stored = await runs.findOne({ _id: { $in: ids } } as Filter<StoredRun>, LIMITED);
  if (stored === null) return undefined;
  const { run_id, _id }: Raw = { ...stored };
  return shownId(run_id, _id) === runId ? stored : undefined;
}

/** A change of the stored run, tried again where it was written meanwhile. */
async function change(
  runs: Collection<StoredRun>,
  runId: string,
  changeOf: (stored: Raw) => { readonly $set: object; readonly $unset?: object } | undefined,
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await findRun(runs, runId);
    const changes = stored === undefined ? undefined : changeOf({ ...stored });
    if (stored === undefined || changes === undefined) return false;
    const unchanged = {
      _id: stored._id,
      status: stored.status ?? null,
      revision: stored.revision ?? null,
      set_aside: stored.set_aside ?? null,
    } as unknown as Filter<StoredRun>;
    const { matchedCount } = await runs.updateOne(
      unchanged,
      changes as UpdateFilter<StoredRun>,
      LIMITED,
    );
    if (matchedCount === 1) return true;
  }
  return false;
}

const nextRevision = ({ revision }: Raw): object =>
  revision === undefined || revision === null ? {} : { revision: count(revision) + 1 };

export const asideOperations = (
  runs: Collection<StoredRun>,
): Pick<RunStore, "setAside" | "unsetAside" | "cancelAside"> => ({
  /** A new revision, so that a host is fenced off and watchers look again. */
  setAside: (runId, { token, ...why }) =>
    change(runs, runId, (stored) => {
      const lease = (stored["lease"] ?? {}) as { readonly token?: unknown };
      if (stored["set_aside"] !== undefined && stored["set_aside"] !== null) return undefined;
      if (token !== undefined && lease.token !== token) return undefined;
      const was = stored["status"];
      const status = ENDED.has(was) ? was : "failed";
      return {
        $set: {
          set_aside: { ...why, was: typeof was === "string" ? was : null },
          status,
          committed_status: status,
          ...nextRevision(stored),
          lease: { owner: null, token: count(lease.token) + 1, expires_at: null, claim: null },
          attention_at: null,
          taking_up: 0,
          take_ups: 0,
        },
      };
    }),

  /** One that had not begun is in the queue again. */
  unsetAside: (runId) =>
    change(runs, runId, (stored) => {
      const aside = stored["set_aside"] as { readonly was?: unknown } | null | undefined;
      if (aside === undefined || aside === null) return undefined;
      const isFailed = stored["status"] === "failed";
      const status = isFailed ? (aside.was ?? null) : stored["status"];
      return {
        $set: {
          status,
          ...nextRevision(stored),
          "lease.expires_at": 0,
          attention_at: status === "pending" ? null : 0,
        },
        $unset: { set_aside: "" },
      };
    }),

  cancelAside: (runId) =>
    change(runs, runId, (stored) => {
      if (stored["set_aside"] === undefined || stored["set_aside"] === null) return undefined;
      if (stored["status"] === "completed") return undefined;
      return {
        $set: {
          status: "cancelled",
          committed_status: "cancelled",
          ...nextRevision(stored),
        },
      };
    }),
});
