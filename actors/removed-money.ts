import { createHash } from "node:crypto";
import { HaystackError } from "../errors.ts";
import type { RunDocument } from "../services/runs/document.ts";
import type { RunStore, UserUse } from "../services/runs/index.ts";
import { monthStart } from "./month.ts";

/**
 * What removed runs have spent on GPU jobs: deleting them gives nobody more to spend. One note for
 * each user and month, without the address.
 */
interface Removed {
  /** US dollars of the runs that are gone. */
  readonly usd: number;
  /** US dollars of those that are being removed, by run. */
  readonly going: Readonly<Record<string, number>>;
}

type Runs = Pick<RunStore, "shared" | "usedBy">;
type Change = (removed: Removed) => Removed;

const NONE: Removed = { usd: 0, going: {} };
const MOST_TURNS = 50;

/** `month`: its beginning, as monthStart gives it. */
const nameOf = (user_email: string | null, month: string): string =>
  `removed-money/${month}/${createHash("sha256").update(JSON.stringify(user_email)).digest("hex")}`;

/** What the user's runs of the month use, with what those that were removed have spent. */
export async function usedInMonth(
  runs: Runs,
  user_email: string | null,
  month: string,
): Promise<UserUse> {
  // In this order: a run that goes in between counts twice for a moment, and never not at all.
  const used = await runs.usedBy(user_email, month);
  const { value } = await runs.shared.get(nameOf(user_email, month));
  const { usd, going } = (value ?? NONE) as Removed;
  const removed = Object.values(going).reduce((sum, each) => sum + each, usd);
  return { ...used, gpu_cost_usd: used.gpu_cost_usd + removed };
}

/** Other programs write these documents, too. */
const costOf = ({ usage, created_at }: Partial<RunDocument>): number => {
  const cost: unknown = usage?.gpu_cost_usd;
  const isDated = !Number.isNaN(Date.parse(created_at ?? ""));
  return typeof cost === "number" && cost > 0 && isDated ? cost : 0;
};

/**
 * Notes that the run is about to go. What is given back is to be told how that ended; a process that
 * ends before leaves the run counted twice while it is there.
 */
export async function noteRemoval(
  { shared }: Pick<Runs, "shared">,
  document: RunDocument,
): Promise<(isGone: boolean) => Promise<void>> {
  const { run_id, user_email } = document;
  const cost = costOf(document);
  if (cost === 0) return async () => undefined;
  const name = nameOf(user_email, monthStart(document));
  const change = async (next: Change): Promise<void> => {
    for (let turns = 0; turns < MOST_TURNS; turns += 1) {
      const { revision, value } = await shared.get(name);
      if (await shared.replace(name, revision, next((value ?? NONE) as Removed))) return;
    }
    throw new HaystackError(
      "STORE_UNAVAILABLE",
      `Others remove runs of the same user at this moment; look whether ${run_id} is gone, and remove it again if it is not.`,
    );
  };
  await change(({ usd, going }) => ({ usd, going: { ...going, [run_id]: cost } }));
  // Of two who remove it the one whose removal it was counts it, whoever tells first.
  return (isGone) =>
    change(({ usd, going: { [run_id]: _, ...going } }) => ({
      usd: usd + (isGone ? cost : 0),
      going,
    }));
}
