import { given } from "../../given.ts";
import { createReadStream } from "node:fs";
import { openAccess } from "../../adapters/access.ts";
import { clock } from "../../adapters/clock.ts";
import { isDaemonThere, openRuns } from "../../adapters/runs.ts";
import { MOST_CANDIDATES, theRunId } from "../../actors/find-run-id.ts";
import { isInterrupted, isJudgedRun, statusOf } from "../../actors/run-details.ts";
import { resultObjects } from "../../actors/run-objects.ts";
import { outputsOf } from "../../actors/job-outputs.ts";
import { promptsPerRound, redactor, type Config } from "../../config.ts";
import { HaystackError } from "../../errors.ts";
import { addressOf, checkShare } from "../../actors/run-shares.ts";
import type { Daemon } from "../../daemon.ts";
import { newRunId, newSeed } from "../../actors/new-run.ts";
import { newRun, type RunDocument } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { followToEnd, withDaemon } from "../hosted-run.ts";
import { importAll } from "../import-atlases.ts";
import { logging, withProgress } from "../progress.ts";
import { findRun } from "../find-run.ts";
import { watch } from "../watch.ts";
import { leaveOnInterrupt } from "./interrupts.ts";
import { runEstimator } from "../../actors/run-estimator.ts";
import { checkQuestion } from "../../actors/check-question.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import {
  CHECK_SEED,
  didYouMean,
  onlyRepairs,
  shownCheck,
} from "../../server/questions/shown-check.ts";
import { ask } from "./ask.ts";
import type { RunOperations, RunOrder } from "./operations.ts";
import { checkHasReport, resultFolder, saveFile, withFilesIn } from "./save-results.ts";

/**
 * Runs in the store that this machine is configured for; what needs a host is hosted in this
 * process.
 */
export function localRuns(config: Config): RunOperations {
  const withStore = async <Result>(work: (store: RunStore) => Promise<Result>): Promise<Result> => {
    const store = await openRuns(config);
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };
  const check: RunOperations["check"] = ({ query, config: asked }) =>
    withDaemon(config, async (daemon) =>
      shownCheck(await checkQuestion(daemon, query, asked, CHECK_SEED), asked, {
        hasModel: config.OPENAI_API_KEY !== undefined,
        estimate: runEstimator({ ...daemon, config, promptsPerRound: promptsPerRound(config) }),
      }),
    );
  /** Whoever has the data folder may do this; that it was done, and by whom, is on record. */
  const audited = async <Result>(
    action: string,
    runId: string,
    work: () => Promise<Result>,
  ): Promise<Result> => {
    const { withAudit } = await import("../audited.ts");
    return withAudit(config, ({ record }) => record(action, runId, work));
  };
  const sharing = async (action: "share" | "unshare", run_id: string, address: string) => {
    const user = addressOf(address);
    const { document } = await withStore((store) => findRun(store, run_id));
    const { withAudit, whoIsHere } = await import("../audited.ts");
    await withAudit(config, ({ access, record }) =>
      record(`${action} ${user}`, run_id, async () => {
        if (action === "unshare") await access.unshare({ run_id, user });
        else {
          checkShare(document, user, await access.sharesOf(run_id));
          await access.share({ run_id, user, shared_by: whoIsHere(), shared_at: clock.now() });
        }
      }),
    );
    return readersOf(config, run_id);
  };
  return {
    check,
    repairs: async (question) => onlyRepairs(await check(question)),
    submit: (order) =>
      withStore(async (store) => {
        const run = runOf(order);
        await store.insert(run);
        return { run, isDaemonThere: await isDaemonThere(config, store) };
      }),
    list: ({ shared, ...filter }) =>
      withStore(async (store) => {
        if (shared !== undefined)
          throw new HaystackError(
            "USAGE",
            "--shared lists what others share with you at a server; name it by --server.",
          );
        const found = await store.list(filter);
        const standings = await store.standings(found.map(({ run_id }) => run_id));
        const standingOf = new Map(standings.map((standing) => [standing.run_id, standing]));
        return found.map((document) => {
          const standing = standingOf.get(document.run_id);
          const interrupted =
            standing !== undefined && isInterrupted(document, standing, clock.now());
          return { ...document, interrupted, is_judged: isJudgedRun(document) };
        });
      }),
    documents: (filter) => withStore((store) => store.list(filter)),
    find: (id) =>
      withStore(async (store) => theRunId(id, await store.list({ id, limit: MOST_CANDIDATES }))),
    get: (runId) =>
      withStore(async (store) => ({
        ...statusOf(await findRun(store, runId), clock.now()),
        shared_with: await readersOf(config, runId),
      })),
    logs: (runId) =>
      withStore(async (store) => {
        const record = await findRun(store, runId);
        const { openJobOutputs } = await import("../../adapters/inference.ts");
        const outputs = await openJobOutputs(config);
        try {
          const jobs = await outputsOf(record, outputs.of, redactor(config));
          return { run_id: runId, jobs: [...jobs] };
        } finally {
          await outputs.close();
        }
      }),
    report: (runId) =>
      withStore(async (store) => {
        const { document } = await findRun(store, runId);
        checkHasReport(document);
        const { openObjects } = await import("../../adapters/objects.ts");
        const objects = await openObjects(config);
        try {
          return await objects.fetch({ path: resultObjects(runId).report });
        } finally {
          await objects.close();
        }
      }),
    watch: (runId, lineOf) =>
      withProgress((progress) =>
        leaveOnInterrupt(runId, (signal) =>
          withStore((store) =>
            watch(store, runId, {
              clock,
              pollMs: config.POLL_MILLISECONDS,
              onRun: progress.show,
              onTransition: logging(progress, lineOf),
              signal,
            }),
          ),
        ),
      ),
    cancel: (runId) =>
      audited("cancel", runId, () =>
        withDaemon(config, (daemon, progress) =>
          ask({ config, daemon, progress }, runId, "cancel"),
        ),
      ),
    retry: (runId) =>
      audited("retry", runId, () =>
        withDaemon(config, (daemon, progress) => ask({ config, daemon, progress }, runId, "retry")),
      ),
    delete: (runId) =>
      audited("delete", runId, () =>
        withStore(async (runs) => {
          if ((await findRun(runs, runId)).set_aside !== undefined)
            return withDaemon(config, ({ housekeeping }) => housekeeping.remove(runId));
          const { openHousekeeping } = await import("../../adapters/housekeeping.ts");
          const housekeeping = await openHousekeeping(config, runs);
          try {
            await housekeeping.remove(runId);
          } finally {
            await housekeeping.close();
          }
        }),
      ),
    share: (runId, user) => sharing("share", runId, user),
    unshare: (runId, user) => sharing("unshare", runId, user),
    answer: ({ config: configFor, atlases, importing, confirm, output, ...asked }) =>
      withDaemon(config, async (daemon) => {
        const folder = output === undefined ? undefined : await resultFolder(output);
        const datasets = await importAll(daemon, atlases, importing);
        const run = runOf({ ...asked, config: configFor(datasets) });
        const byRules =
          config.OPENAI_API_KEY === undefined || run.config.exact_labels !== undefined;
        await confirm({
          did_you_mean: byRules ? didYouMean(await readByRules(daemon, run)) : [],
          estimate: await runEstimator({
            ...daemon,
            config,
            promptsPerRound: promptsPerRound(config),
          })({
            config: run.config,
            strategy: run.config.control_strategy,
          }),
        });
        const ended = await followToEnd(daemon, run.run_id, () => daemon.supervisor.submit(run));
        if (folder === undefined || ended.document.status !== "completed") return ended;
        const document = await withFilesIn(folder, ended.document, async (kind, file) =>
          saveFile(
            file,
            createReadStream(await daemon.objects.fetch({ path: resultObjects(run.run_id)[kind] })),
          ),
        );
        return { ...ended, document };
      }),
  };
}

async function readersOf(config: Config, runId: string): Promise<string[]> {
  const access = await openAccess(config);
  try {
    return (await access.sharesOf(runId)).map(({ user }) => user);
  } finally {
    await access.close();
  }
}

const runOf = ({ query, config, random_seed, user_email, name, labels }: RunOrder): RunDocument =>
  newRun({
    run_id: newRunId(),
    query,
    user_email: user_email ?? null,
    name,
    labels,
    config,
    random_seed: random_seed ?? newSeed(),
    now: Date.now(),
  });

/** Refuses a question that the rules cannot read before a run is made of it. */
async function readByRules(
  { atlases, compute, knowledge }: Daemon,
  { query, config }: RunDocument,
): Promise<StructuredQuery> {
  const opened = await atlases.open(config.datasets);
  const { structured_query } = await compute.run("analyze", {
    query,
    atlases: opened.map(({ dir }) => ({ dir, withhold: null })),
    knowledge,
    ...given({ exactLabels: config.exact_labels }),
  });
  return structured_query;
}
