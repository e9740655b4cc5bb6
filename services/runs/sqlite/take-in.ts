import { completeOutsideRun } from "../outside.ts";
import { FAR_MS } from "../damage.ts";
import type { RunRecord } from "../index.ts";
import { hostableRow, isOutsideRow, outsideOf, parseRow } from "./parse.ts";
import type { RunRow, TakenInRow } from "./rows.ts";
import type { StoreThread } from "./store-thread.ts";

/** Runs of other programs. */
const TAKEN_IN_AT_ONCE = 100;

/** What other programs inserted becomes a run of ours, or is refused. */
export function takingIn(call: StoreThread["call"]) {
  const takeIn = async (rows: readonly RunRow[], now: number): Promise<TakenInRow[]> => {
    const taken = rows.map((row): TakenInRow => {
      const { document, outbox, history } = completeOutsideRun(outsideOf(row), now);
      const isToEnd = document.status === "cancelled" && document.completed_at === null;
      return {
        run_id: row.run_id,
        status: document.status,
        document: JSON.stringify({ ...document, run_id: row.run_id }),
        outbox: JSON.stringify(outbox),
        attention_at: isToEnd || outbox.length > 0 ? 0 : null,
        history: history.length === 0 ? null : JSON.stringify(history),
      };
    });
    if (taken.length > 0) await call("takeIn", taken);
    return taken;
  };

  /** Those of other programs that no claim would find. */
  const takeInLeft = async (now: number): Promise<void> => {
    const left = await call("left", now, now + FAR_MS, TAKEN_IN_AT_ONCE);
    if (left.length === 0) return;
    const [outside, others] = [left.filter(isOutsideRow), left.filter((row) => !isOutsideRow(row))];
    await takeIn(outside, now);
    if (others.length > 0)
      await call(
        "wake",
        others.map(({ run_id }) => run_id),
      );
  };

  /** Of those that another program inserted the unusable ones are refused, and released. */
  const takeInClaimed = async (rows: readonly RunRow[], now: number): Promise<RunRecord[]> => {
    const isNew = (row: RunRow): boolean => isOutsideRow(row) && parseRow(row).damage !== undefined;
    const taken = new Map(
      (await takeIn(rows.filter(isNew), now)).map((row) => [row.run_id, row] as const),
    );
    const refused = rows.filter(({ run_id }) => taken.get(run_id)?.status === "failed");
    if (refused.length > 0)
      await call(
        "release",
        refused.map(({ run_id, lease_token }) => ({ run_id, token: lease_token })),
      );
    return rows
      .filter((row) => !refused.includes(row))
      .map((row) => hostableRow({ ...row, ...taken.get(row.run_id) }));
  };

  return { takeInLeft, takeInClaimed };
}
