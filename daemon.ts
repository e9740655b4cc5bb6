import { createAsideJobs, type AsideJobs } from "./actors/aside-jobs.ts";
import { bindRunMachine } from "./actors/host/bind-run-machine.ts";
import { createCommitFeed, type CommitFeed } from "./actors/watch/commit-feed.ts";
import { composeMail } from "./actors/mail/compose-mail.ts";
import { createHousekeeping, type Housekeeping } from "./actors/housekeeping.ts";
import { createInspection, type Inspection } from "./actors/inspection/inspection.ts";
import { combineInstruments, type Instruments } from "./actors/instruments.ts";
import { analyze } from "./actors/steps/analyze.ts";
import { cancelJobs } from "./actors/steps/cancel-jobs.ts";
import { checkJob } from "./actors/steps/check-job.ts";
import { evaluate } from "./actors/steps/evaluate.ts";
import { output } from "./actors/steps/output.ts";
import { foundPredictions } from "./actors/found-predictions.ts";
import type { StepPorts } from "./actors/ports.ts";
import { prepareJob } from "./actors/steps/prepare-job.ts";
import { prompt } from "./actors/steps/prompt.ts";
import { submitJob } from "./actors/steps/submit-job.ts";
import {
  createSupervisor,
  type Supervisor,
  type SupervisorOptions,
} from "./actors/supervisor/supervisor.ts";
import { createUploads, type Uploads } from "./actors/uploads.ts";
import { usageOf } from "./actors/host/usage.ts";
import { sharesOfRuns } from "./adapters/access.ts";
import { clock, keepDaemonClock } from "./adapters/clock.ts";
import { openDispatch } from "./adapters/dispatch.ts";
import { keepHouse } from "./adapters/housekeeping.ts";
import { admissionLimits, leaseAs } from "./adapters/hosting.ts";
import { openInference } from "./adapters/inference.ts";
import { openModel, watchModel } from "./adapters/language-model.ts";
import { openLiterature } from "./adapters/literature.ts";
import { openLookUps } from "./adapters/look-ups.ts";
import { removeLitter } from "./adapters/litter.ts";
import { openMail } from "./adapters/mail.ts";
import { dataFolder } from "./adapters/data-folder.ts";
import { openRuns } from "./adapters/runs.ts";
import { stayAlive } from "./adapters/stay-alive.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";
import { promptsPerRound, type Config } from "./config.ts";
import { type HaystackError, toHaystackError } from "./errors.ts";
import { given } from "./given.ts";
import type { Metrics } from "./insight/metrics.ts";
import { openInsight } from "./insight/open.ts";
import { freeBytes } from "./services/compute/free-disk.ts";
import type { JobEvents } from "./services/job-events/index.ts";
import type { RunStore } from "./services/runs/index.ts";
import { SOFTWARE } from "./software.ts";

/**
 * The composition root: with adapters/, which knows the configuration, the one place where ports get
 * their adapters.
 */

const MOST_COUNTED = 1_000;

export interface Daemon extends Workbench {
  readonly housekeeping: Housekeeping;
  readonly asideJobs: AsideJobs;
  readonly runs: RunStore;
  readonly batch: StepPorts["batch"];
  readonly supervisor: Supervisor;
  readonly commits: CommitFeed;
  readonly inspection: Inspection;
  readonly uploads: Uploads;
  readonly jobEvents: JobEvents;
  readonly metrics?: Metrics;
  /** Takes runs up, where that was to wait. */
  begin(): Promise<void>;
}

export interface Outside {
  readonly model: StepPorts["model"];
  readonly literature: StepPorts["literature"];
  readonly lookUps: StepPorts["lookUps"];
}

export interface DaemonOptions {
  /** Claim every run that waits for a host, or only those that this process is given. */
  readonly sweeps: boolean;
  /** No run is taken up before `begin`: whoever is to answer does so whatever a run does. */
  readonly waitsToBegin?: boolean;
  readonly onCommitted?: NonNullable<SupervisorOptions["onCommitted"]>;
  readonly onTrouble: (error: HaystackError) => void;
  /** Told in a sentence what takes long. */
  readonly onNotice?: (sentence: string) => void;
  /** In place of the configured language model and databases. */
  readonly outside?: Outside;
  /** Told what the runs do, beside what the configuration asks for. */
  readonly instruments?: Instruments;
}

/**
 * Opens everything and starts hosting, unless that is to wait. When one part cannot be opened,
 * those that were are closed.
 */
export async function openDaemon(config: Config, options: DaemonOptions): Promise<Daemon> {
  const opened = new AsyncDisposableStack();
  try {
    return await openParts(config, options, opened);
  } catch (thrown) {
    await opened.disposeAsync();
    throw thrown;
  }
}

async function openParts(
  config: Config,
  options: DaemonOptions,
  opened: AsyncDisposableStack,
): Promise<Daemon> {
  let instruments: Instruments = {};
  const trouble = (thrown: unknown): void => {
    const error = toHaystackError(thrown);
    instruments.trouble?.(error);
    options.onTrouble(error);
  };
  const workbench = opened.adopt(await openWorkbench(config, trouble), (part) => part.close());
  const { objects, compute, atlases, knowledge } = workbench;
  const { owner, takesOver, unlock } = leaseAs(config, options.sweeps);
  opened.defer(unlock);
  const runs = opened.adopt(
    await openRuns(config, {
      fewConnections: !options.sweeps,
      ...given({ onNotice: options.onNotice }),
    }),
    (part) => part.close(),
  );
  if (options.sweeps) opened.defer(keepDaemonClock(config, trouble));
  if (options.sweeps) await runs.check?.();
  if (takesOver) await runs.takeOver(owner);
  const { batch, jobEvents } = await openInference(config, { clock, objects, onTrouble: trouble });
  opened.defer(() => batch.close());
  opened.defer(() => jobEvents.close());
  const dispatched = options.sweeps
    ? await openDispatch(config, { runs, clock, environment: process.env, onTrouble: trouble })
    : undefined;
  opened.defer(() => dispatched?.runJobs.close());
  const mail = opened.adopt(await openMail(config, clock), (part) => part.close());
  const outside = options.outside ?? {
    model: await openModel(config, clock),
    literature: await openLiterature(config, clock, trouble),
    lookUps: await openLookUps(config, clock, trouble),
  };
  if (outside.model !== undefined && options.sweeps)
    opened.defer(watchModel(outside.model.model, clock, trouble));
  const reconcileMs = config.RECONCILE_SECONDS * 1_000;
  const ports: StepPorts = {
    runs,
    objects,
    batch,
    compute,
    atlases,
    clock,
    knowledge,
    ceilings: config,
    reconcileMs,
    software: SOFTWARE,
    promptsPerRound: promptsPerRound(config),
    foundPredictions: foundPredictions({
      objects,
      predictor: batch.predictor,
      version: config.INFERENCE_VERSION,
      most: config.REUSE_PREDICTIONS,
      onTrouble: trouble,
    }),
    onCacheTrouble: trouble,
    ...given(outside),
  };
  const inspection = createInspection(clock, trouble);
  const commits = createCommitFeed(options.onTrouble);
  const insight = await openInsight(config, {
    withMetrics: options.sweeps,
    version: SOFTWARE.version,
    counts: () => runs.counts(clock.now()),
    live: () => supervisor.status().hosted,
    owedMails: async () =>
      (await runs.mails({ state: "owed", limit: MOST_COUNTED })).map((owed) => owed.mail),
    freeBytes: () => freeBytes(config.dataDir),
    now: () => clock.now(),
    onTrouble: trouble,
  });
  opened.defer(() => insight.close());
  instruments = combineInstruments([options.instruments ?? {}, ...insight.instruments]);
  const supervisor: Supervisor = createSupervisor({
    store: runs,
    machine: bindRunMachine({
      analyze: analyze(ports),
      prompt: prompt(ports),
      prepareJob: prepareJob(ports),
      submitJob: submitJob(ports),
      checkJob: checkJob(ports),
      cancelJobs: cancelJobs(ports),
      evaluate: evaluate(ports),
      output: output(ports),
    }),
    clock,
    jobEvents,
    mail,
    composeMail: composeMail(batch.model, atlases, clock, config.PUBLIC_URL),
    usage: usageOf(batch.model),
    owner,
    limits: admissionLimits(config),
    passivateMs: config.PASSIVATE_SECONDS * 1_000,
    random: Math.random,
    ...given({ dispatch: dispatched?.dispatch }),
    leaseMs: config.LEASE_SECONDS * 1_000,
    pollMs: config.POLL_MILLISECONDS,
    sweeps: options.sweeps,
    jobs: { ...batch, everyMs: reconcileMs },
    inspection,
    instruments,
    onTrouble: trouble,
    onCommitted(document, entries) {
      commits.publish(document, entries);
      options.onCommitted?.(document, entries);
    },
  });
  opened.defer(() => supervisor.stop());
  const asideJobs = createAsideJobs({ runs, batch, clock, onTrouble: trouble });
  const shares = opened.adopt(sharesOfRuns(config), (part) => part.close());
  const housekeeping = createHousekeeping({
    runs,
    objects,
    batch,
    mail,
    stopJobs: (record) => asideJobs.stopThoseOf(record),
    shares,
    now: () => clock.now(),
    removeLitter: (signal) => removeLitter(config, signal),
  });
  const uploads = opened.adopt(
    createUploads({
      folder: dataFolder(config).uploads,
      mostBytes: config.HTTP_UPLOAD_GB * 1_000_000_000,
      atlases,
      compute,
      clock,
      freeBytes,
      onTrouble: trouble,
    }),
    (part) => part.close(),
  );
  let begun: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    await supervisor.start();
    if (!options.sweeps) return;
    opened.defer(keepHouse(config, housekeeping, trouble));
    asideJobs.begin();
    opened.defer(() => asideJobs.close());
  };
  const beginOnce = (): Promise<void> => (begun ??= begin());
  opened.use(stayAlive());
  if (options.waitsToBegin !== true) await beginOnce();
  return {
    ...workbench,
    runs,
    batch,
    supervisor,
    housekeeping,
    asideJobs,
    commits,
    inspection,
    uploads,
    jobEvents,
    ...given({ metrics: insight.metrics }),
    begin: beginOnce,
    close: () => opened.disposeAsync(),
  };
}
