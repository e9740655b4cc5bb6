import { createReadStream } from "node:fs";
import { clock } from "../../adapters/clock.ts";
import { openRuns } from "../../adapters/runs.ts";
import { resultObjects } from "../../actors/run-objects.ts";
import { answerToWish, runStateForbids, WISH_EVENTS, type Wish } from "../../actors/run-wishes.ts";
import { type BatchAdapter, batchAdapter, type Config } from "../../config.ts";
import type { Daemon } from "../../daemon.ts";
import { HaystackError } from "../../errors.ts";
import type { RunContext } from "../../machines/run-types.ts";
import { newRunId, newSeed } from "../../actors/new-run.ts";
import { newRun, type RunDocument } from "../../services/runs/document.ts";
import type { RunRecord, RunStore } from "../../services/runs/index.ts";
import { followToEnd, withDaemon } from "../hosted-run.ts";
import { importAll } from "../import-atlases.ts";
import { logging, withProgress } from "../progress.ts";
import { findRun } from "../find-run.ts";
import { watch } from "../watch.ts";
import { leaveOnInterrupt } from "./interrupts.ts";
import type { Ended, RunOperations, RunOrder } from "./operations.ts";
import { resultFolder, saveFile, withFilesIn } from "./save-results.ts";

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
  const documents: RunOperations["documents"] = (filter) =>
    withStore((store) => store.list(filter));
  return {
    submit: (order) =>
      withStore(async (store) => {
        const run = runOf(order);
        await store.insert(run);
        return run;
      }),
    list: documents,
    documents,
    get: (runId) => withStore(async (store) => (await findRun(store, runId)).document),
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
    cancel: (runId) => withDaemon(config, (daemon) => ask(daemon, config, runId, "cancel")),
    retry: (runId) => withDaemon(config, (daemon) => ask(daemon, config, runId, "retry")),
    answer: ({ config: configFor, atlases, importing, output, ...asked }) =>
      withDaemon(config, async (daemon) => {
        const folder = output === undefined ? undefined : await resultFolder(output);
        const datasets = await importAll(daemon, atlases, importing);
        if (config.OPENAI_API_KEY === undefined) await checkByRules(daemon, asked.query, datasets);
        const run = runOf({ ...asked, config: configFor(datasets) });
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

const runOf = ({ query, config, random_seed, user_email }: RunOrder): RunDocument =>
  newRun({
    run_id: newRunId(),
    query,
    user_email: user_email ?? null,
    config,
    random_seed: random_seed ?? newSeed(),
    now: Date.now(),
  });

/** Refuses a question that the rules cannot read before a run is made of it. */
async function checkByRules(
  { atlases, compute, knowledge }: Daemon,
  query: string,
  datasets: readonly string[],
): Promise<void> {
  const opened = await atlases.open(datasets);
  await compute.run("analyze", {
    query,
    atlases: opened.map(({ dir }) => ({ dir, withhold: null })),
    knowledge,
  });
}

/**
 * Stores the event, also of a wish that is granted already, as an event brings a waiting run back;
 * then either takes the run over to its end or waits for the process that hosts it.
 */
async function ask(daemon: Daemon, config: Config, runId: string, wish: Wish): Promise<Ended> {
  const record = await findRun(daemon.runs, runId);
  const { document, revision, lease } = record;
  if (answerToWish(wish, document.status) === "forbidden") throw runStateForbids(document);
  const isHosted = lease !== null && lease.expires_at > Date.now();
  if (!isHosted && !STOPS_PAID_JOBS[batchAdapter(config)] && hasPaidJob(record)) {
    throw new HaystackError(
      "USAGE",
      `Run ${runId} has a job on Google Batch, which this machine is not configured for; set the BATCH_ variables as on its daemon, or use a server with --server. Nothing was changed.`,
    );
  }
  const type = WISH_EVENTS[wish];
  await daemon.supervisor.deliver(runId, { id: `${type}.${revision}`, event: { type } });
  try {
    return await followToEnd(daemon, runId, () => daemon.supervisor.adopt(runId));
  } catch (thrown) {
    if (!(thrown instanceof HaystackError) || thrown.code !== "LEASE_LOST") throw thrown;
    return {
      document: await watch(daemon.runs, runId, { clock, pollMs: config.POLL_MILLISECONDS }),
      interrupted: false,
    };
  }
}

/**
 * The jobs of this machine know nothing of a job that is paid for elsewhere, and would call it
 * stopped. A job has its offer once its submission is on record.
 */
const STOPS_PAID_JOBS: Readonly<Record<BatchAdapter, boolean>> = { local: false, google: true };

function hasPaidJob({ snapshot }: RunRecord): boolean {
  const { context } = JSON.parse(snapshot ?? "{}") as { readonly context?: Partial<RunContext> };
  return (context?.jobs ?? []).some(({ state, offer }) => state === "submitted" && offer !== null);
}
