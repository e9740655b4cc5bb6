import type { RunDocument } from "../services/runs/document.ts";
import type { RunStore, StuckRun } from "../services/runs/index.ts";
import { actorTree } from "./inspection/actor-tree.ts";
import { stuckReasons, waitedJobs, type StuckReason, type WaitedJob } from "./stuck-reasons.ts";

/** What an operator should look at: each run by itself, so that one hides no other. */

/** Running runs that are looked into together. */
const PAGE = 100;

export interface StuckOptions {
  readonly runs: Pick<RunStore, "stuck" | "list" | "get">;
  /** Those of the jobs that Batch does not know. */
  readonly unknownJobs: (
    runId: string,
    jobs: readonly WaitedJob[],
    before: number,
  ) => Promise<WaitedJob[]>;
}

export interface JudgedRun {
  readonly run: RunDocument;
  readonly reasons: readonly StuckReason[];
}

/** `before` is the moment from which on waiting is too long, in milliseconds. */
export async function findStuck(
  { runs, unknownJobs }: StuckOptions,
  { before, limit }: { readonly before: number; readonly limit: number },
): Promise<JudgedRun[]> {
  const judge = async (candidate: StuckRun): Promise<JudgedRun[]> => {
    const { document, snapshot } = candidate.record;
    const actors = actorTree(snapshot);
    const unknown =
      actors === null || document.status !== "running"
        ? []
        : await unknownJobs(document.run_id, waitedJobs(actors), before);
    const reasons = stuckReasons(candidate, actors, unknown, before);
    return reasons.length === 0 ? [] : [{ run: document, reasons }];
  };
  const stuck = await runs.stuck({ before, limit });
  const judged = new Set(stuck.map(({ record }) => record.document.run_id));
  const found = (await Promise.all(stuck.map(judge))).flat();
  for await (const page of runningRuns(runs)) {
    if (found.length >= limit) break;
    const looked = page
      .filter(({ run_id }) => !judged.has(run_id))
      .map(async ({ run_id }) => {
        const record = await runs.get(run_id);
        return record === undefined ? [] : judge({ record, event_since: null });
      });
    found.push(...(await Promise.all(looked)).flat());
  }
  return found.slice(0, limit);
}

/** All of them in pages, newest first. */
async function* runningRuns(runs: Pick<RunStore, "list">): AsyncGenerator<RunDocument[]> {
  for (let last: RunDocument | undefined; ;) {
    const page = await runs.list({
      status: "running",
      limit: PAGE,
      ...(last === undefined
        ? {}
        : { before: { created_at: last.created_at, run_id: last.run_id } }),
    });
    yield page;
    if (page.length < PAGE) return;
    last = page.at(-1);
  }
}
