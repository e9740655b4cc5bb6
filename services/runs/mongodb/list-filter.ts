import type { Collection, Filter } from "mongodb";
import type { RunFilter } from "../index.ts";
import { findRun } from "./aside.ts";
import type { StoredRun } from "./record.ts";

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/**
 * Where the last run of a page stands in the order of the store, which may not be where it is shown
 * to stand.
 */
export async function placeOf(
  runs: Collection<StoredRun>,
  shown: NonNullable<RunFilter["before"]>,
): Promise<NonNullable<RunFilter["before"]>> {
  const stored = await findRun(runs, shown.run_id);
  if (typeof stored?.created_at !== "string") return shown;
  return { created_at: stored.created_at, run_id: shown.run_id };
}

/** What the newest runs of a list have in common. */
export function listFilter({
  status,
  user_email,
  run_ids,
  text,
  id,
  labels = {},
  failed_with,
  created_from,
  created_until,
  before,
}: RunFilter): Filter<StoredRun> {
  const words = { $regex: literally(text ?? ""), $options: "i" };
  const created = {
    ...(created_from === undefined ? {} : { $gte: created_from }),
    ...(created_until === undefined ? {} : { $lt: created_until }),
  };
  const either: Filter<StoredRun>[] = [
    ...(run_ids === undefined ? [] : [{ run_id: { $in: [...run_ids] } }]),
    ...(text === undefined ? [] : [{ $or: [{ query: words }, { name: words }] }]),
    ...(before === undefined
      ? []
      : [
          {
            $or: [
              { created_at: { $lt: before.created_at } },
              { created_at: before.created_at, run_id: { $lt: before.run_id } },
            ],
          },
        ]),
  ];
  return {
    ...(status === undefined ? {} : { status }),
    ...(failed_with === undefined ? {} : { status: "failed", "error.code": failed_with }),
    ...(user_email === undefined ? {} : { user_email }),
    ...(id === undefined ? {} : { run_id: { $regex: `^${literally(id)}` } }),
    ...(Object.keys(created).length === 0 ? {} : { created_at: created }),
    ...Object.fromEntries(Object.entries(labels).map(([key, value]) => [`labels.${key}`, value])),
    ...(either.length === 0 ? {} : { $and: either }),
  };
}
