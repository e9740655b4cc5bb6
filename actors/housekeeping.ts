import { HaystackError, runNotFound } from "../errors.ts";
import { runOfJob } from "../machines/job-id.ts";
import type { ShareStore } from "../services/access/index.ts";
import type { BatchService } from "../services/batch/index.ts";
import type { MailService } from "../services/mail/index.ts";
import type { ObjectStore } from "../services/objects/index.ts";
import type { EndedRun, Leftover, RunStore } from "../services/runs/index.ts";
import { resultsOf, workingFilesOf } from "./run-objects.ts";

/**
 * Lets ended runs go: first out of the store, then whom they are shared with, and what they left in
 * objects, local jobs and mails.
 * The store remembers what is still to go, so a crash in between, or a part that does not answer,
 * only postpones it. Atlases, knowledge and the audit log are nobody's run and stay.
 */

export interface HousekeepingParts {
  readonly runs: Pick<RunStore, "removal">;
  readonly objects: Pick<ObjectStore, "list" | "remove">;
  readonly batch: Pick<BatchService, "forget">;
  readonly mail: Pick<MailService, "forget">;
  readonly shares: Pick<ShareStore, "forgetSharesOf">;
  readonly now: () => number;
  /** Removes what belongs to no run and that nobody needs any more. */
  readonly removeLitter: (signal?: AbortSignal) => Promise<void>;
}

/** Which ended runs go; a run goes that any of the limits means. */
export interface PruneRule {
  /** Those that ended so many milliseconds ago. */
  readonly olderThanMs?: number;
  /** All but the newest so many of each user. */
  readonly mostPerUser?: number;
  /** All but the newest so many. */
  readonly most?: number;
  /**
   * Of completed runs question, answer and result files are kept, and only working files, local
   * jobs and journal go.
   */
  readonly keepsResults: boolean;
  readonly isDryRun?: boolean;
}

export interface Pruned {
  readonly removed: string[];
  /** Their results are kept. */
  readonly thinned: string[];
  /** Meant, but they ask for something: a host, or a mail that is to be sent. */
  readonly busy: string[];
}

export interface Housekeeping {
  /** Removes one run and all that it left. Errors: RUN_NOT_FOUND, RUN_STATE_FORBIDS. */
  remove(runId: string): Promise<void>;
  prune(rule: PruneRule, signal?: AbortSignal): Promise<Pruned>;
  /** Finishes what earlier removals left, and removes what belongs to no run. */
  clear(signal?: AbortSignal): Promise<void>;
}

const PAGE = 500;
const NEVER = "9999-12-31T23:59:59.999Z";

export function createHousekeeping(parts: HousekeepingParts): Housekeeping {
  const { removal } = parts.runs;

  /** Folders of jobs and mails are walked once for all of them. */
  const clearAll = async (left: readonly Leftover[]): Promise<void> => {
    const runs = new Set(left.map(({ run_id }) => run_id));
    const gone = new Set(
      left.filter(({ keeps_results }) => !keeps_results).map(({ run_id }) => run_id),
    );
    await parts.shares.forgetSharesOf([...gone]);
    await parts.batch.forget?.((jobId) => runs.has(runOfJob(jobId) ?? ""));
    await parts.mail.forget?.((key) => gone.has(key.split(".", 1)[0] ?? ""));
    for (const { run_id, keeps_results } of left) {
      const beginnings = [workingFilesOf(run_id), ...(keeps_results ? [] : [resultsOf(run_id)])];
      for (const beginning of beginnings)
        for await (const path of parts.objects.list(beginning)) await parts.objects.remove(path);
      await removal.cleared(run_id);
    }
  };

  const clear = async (signal?: AbortSignal): Promise<void> => {
    for (;;) {
      const left = await removal.leftovers(PAGE);
      if (left.length === 0 || signal?.aborted === true) break;
      await clearAll(left);
    }
    await parts.removeLitter(signal);
  };

  /** From the first created on. */
  async function* ended(endedBefore: string, unpruned: boolean): AsyncGenerator<EndedRun> {
    for (let after: EndedRun | undefined; ;) {
      const page = await removal.ended({
        ended_before: endedBefore,
        unpruned,
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      yield* page;
      after = page.at(-1);
      if (page.length < PAGE) return;
    }
  }

  const agedOf = ({ olderThanMs, keepsResults }: PruneRule): AsyncIterable<EndedRun> | [] =>
    olderThanMs === undefined
      ? []
      : ended(new Date(parts.now() - olderThanMs).toISOString(), keepsResults);

  async function* meant(rule: PruneRule): AsyncGenerator<EndedRun> {
    const { mostPerUser, most, keepsResults } = rule;
    if ((mostPerUser ?? most) === undefined) {
      yield* agedOf(rule);
      return;
    }
    const ofUser = new Map<string | null, number>();
    let all = 0;
    for await (const { user_email } of ended(NEVER, keepsResults)) {
      ofUser.set(user_email, (ofUser.get(user_email) ?? 0) + 1);
      all += 1;
    }
    const aged = new Set<string>();
    for await (const { run_id } of agedOf(rule)) aged.add(run_id);
    for await (const run of ended(NEVER, keepsResults)) {
      const left = ofUser.get(run.user_email) ?? 0;
      const isBeyond = left > (mostPerUser ?? Infinity) || all > (most ?? Infinity);
      if (!isBeyond && !aged.has(run.run_id)) continue;
      ofUser.set(run.user_email, left - 1);
      all -= 1;
      yield run;
    }
  }

  return {
    clear,
    async remove(runId) {
      const left = { run_id: runId, keeps_results: false };
      const outcome = await removal.remove({ ...left, now: parts.now() });
      if (outcome === "unknown_run") throw runNotFound(runId);
      if (outcome === "busy")
        throw new HaystackError(
          "RUN_STATE_FORBIDS",
          `Run ${runId} has not ended, or something is still to be done for it; cancel it, or wait until its mail is sent.`,
          { details: { run_id: runId } },
        );
      await clearAll([left]);
    },
    async prune(rule, signal) {
      const pruned: Pruned = { removed: [], thinned: [], busy: [] };
      for await (const { run_id, status } of meant(rule)) {
        if (signal?.aborted === true) break;
        const keeps_results = rule.keepsResults && status === "completed";
        const outcome =
          rule.isDryRun === true
            ? "removed"
            : await removal.remove({ run_id, keeps_results, now: parts.now() });
        if (outcome === "busy") pruned.busy.push(run_id);
        else if (outcome === "removed")
          (keeps_results ? pruned.thinned : pruned.removed).push(run_id);
      }
      if (rule.isDryRun !== true) await clear(signal);
      return pruned;
    },
  };
}
