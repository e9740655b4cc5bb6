import { eachApart, type Failures, rethrow } from "../each-apart.ts";
import { HaystackError, runNotFound } from "../errors.ts";
import { runOfJob } from "../machines/job-id.ts";
import type { ShareStore } from "../services/access/index.ts";
import type { BatchService } from "../services/batch/index.ts";
import type { MailService } from "../services/mail/index.ts";
import type { ObjectStore } from "../services/objects/index.ts";
import type { EndedRun, Leftover, RunRecord, RunStore } from "../services/runs/index.ts";
import { forgetFound } from "./found-predictions.ts";
import { noteRemoval } from "./removed-money.ts";
import { resultsOf, workingFilesOf } from "./run-objects.ts";

/**
 * Lets ended runs go: first out of the store, then whom they are shared with, and what they left in
 * objects, local jobs and mails.
 * The store remembers what is still to go, so a crash in between, or a part that does not answer,
 * only postpones it. Atlases, knowledge and the audit log are nobody's run and stay.
 */

export interface HousekeepingParts {
  readonly runs: Pick<RunStore, "get" | "removal" | "shared">;
  readonly objects: Pick<ObjectStore, "list" | "remove">;
  readonly batch: Pick<BatchService, "forget">;
  readonly mail: Pick<MailService, "forget">;
  /**
   * Has the jobs of a run that is set aside stopped; tells whether none runs any more. Without it
   * such runs stay, as nobody else knows of their jobs.
   */
  readonly stopJobs?: (record: RunRecord) => Promise<boolean>;
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

/** Work on many runs, in which one that fails keeps no other; what came first is told at the end. */
interface Apart {
  /** Ids of runs. */
  readonly failed: Failures;
  /** Undefined where it failed. */
  attempt<Result>(runId: string, work: () => Promise<Result>): Promise<Result | undefined>;
  /** Work on all of these at once, which tells of those on which it failed: of none, of all. */
  together(
    runIds: Iterable<string>,
    work: () => Promise<Failures | undefined> | undefined,
    runOf: (id: string) => string | undefined,
  ): Promise<void>;
}

function runsApart(): Apart {
  const failed = new Map<string, unknown>();
  return {
    failed,
    async attempt(runId, work) {
      try {
        return await work();
      } catch (thrown) {
        failed.set(runId, thrown);
        return undefined;
      }
    },
    async together(runIds, work, runOf) {
      try {
        for (const [id, thrown] of (await work()) ?? []) failed.set(runOf(id) ?? id, thrown);
      } catch (thrown) {
        for (const id of runIds) failed.set(id, thrown);
      }
    },
  };
}

const ofMail = (key: string): string | undefined => key.split(".", 1)[0];

const PAGE = 500;
const NEVER = "9999-12-31T23:59:59.999Z";

export function createHousekeeping(parts: HousekeepingParts): Housekeeping {
  const { removal } = parts.runs;

  /** Folders of jobs, mails and notes of predictions are walked once for all of them. */
  const clearAll = async (left: readonly Leftover[], apart: Apart): Promise<void> => {
    const runs = new Set(left.map(({ run_id }) => run_id));
    const gone = new Set(
      left.filter(({ keeps_results }) => !keeps_results).map(({ run_id }) => run_id),
    );
    const shared = () => parts.shares.forgetSharesOf([...gone]).then(() => undefined);
    const isMeantJob = (jobId: string): boolean => runs.has(runOfJob(jobId) ?? "");
    const isMeantMail = (key: string): boolean => gone.has(ofMail(key) ?? "");
    const found = () => forgetFound(parts.objects, (runId) => runs.has(runId));
    await apart.together(gone, shared, String);
    await apart.together(runs, () => parts.batch.forget?.(isMeantJob), runOfJob);
    await apart.together(gone, () => parts.mail.forget?.(isMeantMail), ofMail);
    await apart.together(runs, found, String);
    for (const each of left)
      await apart.attempt(each.run_id, async () => {
        await clearObjects(each);
        if (!apart.failed.has(each.run_id)) await removal.cleared(each.run_id);
      });
  };

  const clearObjects = async ({ run_id, keeps_results }: Leftover): Promise<void> => {
    const beginnings = [workingFilesOf(run_id), ...(keeps_results ? [] : [resultsOf(run_id)])];
    const each = await eachApart(beginnings, String, async (beginning) =>
      rethrow(
        await eachApart(parts.objects.list(beginning), String, (path) =>
          parts.objects.remove(path),
        ),
      ),
    );
    rethrow(each);
  };

  const clearLeft = async (apart: Apart, signal: AbortSignal | undefined): Promise<void> => {
    for (;;) {
      const left = (await removal.leftovers(PAGE + apart.failed.size)).filter(
        ({ run_id }) => !apart.failed.has(run_id),
      );
      if (left.length === 0 || signal?.aborted === true) break;
      await clearAll(left, apart);
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

  const hasNoJobs = async (runId: string): Promise<boolean> => {
    const record = await parts.runs.get(runId);
    return record?.set_aside === undefined || (await parts.stopJobs?.(record)) === true;
  };

  /** Out of the store. What it has spent stays with its user for the month. */
  const removeRun = async (left: Leftover): Promise<"removed" | "busy" | "unknown_run"> => {
    const document = left.keeps_results ? undefined : (await parts.runs.get(left.run_id))?.document;
    const tellEnd = document === undefined ? undefined : await noteRemoval(parts.runs, document);
    const outcome = await removal.remove({ ...left, now: parts.now() });
    await tellEnd?.(outcome === "removed");
    return outcome;
  };

  const take = async (left: Leftover): Promise<"removed" | "busy" | "unknown_run"> =>
    (await hasNoJobs(left.run_id)) ? removeRun(left) : "busy";

  return {
    async clear(signal) {
      const apart = runsApart();
      await clearLeft(apart, signal);
      rethrow(apart.failed);
    },
    async remove(runId) {
      if (!(await hasNoJobs(runId)))
        throw new HaystackError(
          "RUN_STATE_FORBIDS",
          `Run ${runId} is set aside, and a job of it may still run; a daemon is stopping it: wait some minutes, then delete the run.`,
          { details: { run_id: runId } },
        );
      const left = { run_id: runId, keeps_results: false };
      const outcome = await removeRun(left);
      if (outcome === "unknown_run") throw runNotFound(runId);
      if (outcome === "busy")
        throw new HaystackError(
          "RUN_STATE_FORBIDS",
          `Run ${runId} has not ended, or something is still to be done for it; cancel it, or wait until its mail is sent.`,
          { details: { run_id: runId } },
        );
      const apart = runsApart();
      await clearAll([left], apart);
      rethrow(apart.failed);
    },
    async prune(rule, signal) {
      const pruned: Pruned = { removed: [], thinned: [], busy: [] };
      const apart = runsApart();
      for await (const { run_id, status } of meant(rule)) {
        if (signal?.aborted === true) break;
        const keeps_results = rule.keepsResults && status === "completed";
        const outcome =
          rule.isDryRun === true
            ? "removed"
            : await apart.attempt(run_id, () => take({ run_id, keeps_results }));
        if (outcome === "busy") pruned.busy.push(run_id);
        else if (outcome === "removed")
          (keeps_results ? pruned.thinned : pruned.removed).push(run_id);
      }
      if (rule.isDryRun !== true) await clearLeft(apart, signal);
      rethrow(apart.failed);
      return pruned;
    },
  };
}
