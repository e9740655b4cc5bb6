import { problemOf } from "../../zod-words.ts";
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import { z } from "zod";
import { type Config } from "../../config.ts";
import { readConfig } from "../configuration.ts";
import { isOfGpuJobs } from "../../actors/run-details.ts";
import type { Daemon } from "../../daemon.ts";
import { HaystackError, configInvalid, toHaystackError } from "../../errors.ts";
import { controlStrategySchema } from "../../science/query/structured-query.ts";
import { userOfAddress, type RunDocument } from "../../services/runs/document.ts";
import type { RunRecord } from "../../services/runs/index.ts";
import { withDaemon } from "../hosted-run.ts";
import { note, print } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../common.ts";
import { findRun } from "../find-run.ts";

const jobEnvironmentSchema = z.object({
  RUN_ID: z.string().min(1).max(200),
  USER_EMAIL: z.string().max(254).optional(),
  CONTROL_STRATEGY: controlStrategySchema.optional(),
  /** When the run has waited so long for its GPU jobs, the job ends, and a daemon goes on. */
  HAND_OVER_SECONDS: z.coerce.number().int().min(0).max(86_400).optional(),
});
type JobEnvironment = z.infer<typeof jobEnvironmentSchema>;

const PAUSE_MS = 1_000;
/** A machine that is taken away sends them; the run is released, not cancelled. */
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

export function addJobCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command("job")
    .description(
      "Take the stored run RUN_ID to its end in this process, as a Batch job does, or do a share of the import IMPORT_ID; exits with 0 if it completed.",
    )
    .addHelpText(
      "after",
      "\nEnvironment: RUN_ID; USER_EMAIL and CONTROL_STRATEGY override those of a run that has not started; after HAND_OVER_SECONDS of waiting for GPU jobs it ends with 0, for a daemon to go on. Or IMPORT_ID, IMPORT_ATTEMPT and BATCH_TASK_INDEX.",
    )
    .action(async (options: CommonOptions) => {
      setExitCode(1);
      if ((process.env["IMPORT_ID"] ?? "") !== "") {
        const { importShare } = await import("../import-job.ts");
        const error = await importShare(readConfig(options.dataDir), process.env);
        if (error !== undefined) tell(error);
        // A job makes no second attempt at what would fail again.
        setExitCode(error === undefined ? 0 : error.retryable ? 1 : 2);
        return;
      }
      try {
        const { document, isHandedOver } = await hostOrFail(readEnvironment(), options.dataDir);
        print(
          options.json === true,
          document,
          `${document.run_id}: ${isHandedOver ? "waits for its GPU jobs" : document.status}`,
        );
        if (isHandedOver || document.status === "completed") setExitCode(0);
      } catch (thrown) {
        tell(toHaystackError(thrown));
      }
    });
}

const tell = (error: HaystackError): void => note(`haystack: ${error.message}`);

/** A run that cannot be hosted here at all is failed and mailed like one that fails on its way. */
async function hostOrFail(
  environment: JobEnvironment,
  dataDir: string | undefined,
): Promise<JobEnd> {
  let isOpen = false;
  try {
    const config = readConfig(dataDir);
    return await withDaemon(config, (daemon) => {
      isOpen = true;
      return runJob(daemon, config, environment);
    });
  } catch (thrown) {
    const error = toHaystackError(thrown);
    if (isOpen || error.code.startsWith("STORE_")) throw error;
    tell(error);
    const run = {
      runId: environment.RUN_ID,
      adjust: adjustmentOf(environment),
      environment: process.env,
      dataDir,
      onTrouble: tell,
    };
    const { failUnbegun } = await import("../../fail-unbegun.ts");
    return { document: await failUnbegun(error, run), isHandedOver: false };
  }
}

/** What the environment overrides. */
const adjustmentOf =
  ({ USER_EMAIL, CONTROL_STRATEGY }: JobEnvironment) =>
  (document: RunDocument): RunDocument => ({
    ...document,
    user_email: userOfAddress(USER_EMAIL ?? document.user_email),
    config: {
      ...document.config,
      control_strategy: CONTROL_STRATEGY ?? document.config.control_strategy,
    },
  });

function readEnvironment(): JobEnvironment {
  const given = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== ""));
  const parsed = jobEnvironmentSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw configInvalid([
    ...parsed.error.issues.map((issue) => problemOf(issue)),
    "RUN_ID is the id of a stored run",
  ]);
}

const isOver = ({ document: { status }, inbox }: RunRecord): boolean =>
  status === "completed" ||
  status === "cancelled" ||
  (status === "failed" && !inbox.some(({ event }) => event.type === "retry.requested"));

/** How a job left its run. */
interface JobEnd {
  readonly document: RunDocument;
  /** It goes on, and a daemon waits in place of this job. */
  readonly isHandedOver: boolean;
}

const ended = (document: RunDocument): JobEnd => ({ document, isHandedOver: false });

async function runJob(
  daemon: Daemon,
  config: Config,
  environment: JobEnvironment,
): Promise<JobEnd> {
  const { RUN_ID, HAND_OVER_SECONDS = Infinity } = environment;
  const record = await findRun(daemon.runs, RUN_ID);
  if (isOver(record)) return ended(record.document);
  const stop = Promise.withResolvers<never>();
  stop.promise.catch(() => undefined);
  const onSignal = (signal: NodeJS.Signals): void =>
    stop.reject(
      new HaystackError(
        "STEP_ABORTED",
        `The job was stopped by ${signal}; start it again to go on with run ${RUN_ID}.`,
      ),
    );
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await hostToEnd(daemon, config, {
      runId: RUN_ID,
      adjust: adjustmentOf(environment),
      stop: stop.promise,
      handOverAfterMs: HAND_OVER_SECONDS * 1_000,
    });
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

interface Work {
  readonly runId: string;
  readonly adjust: (document: RunDocument) => RunDocument;
  /** Rejects when the process is asked to stop. */
  readonly stop: Promise<never>;
  readonly handOverAfterMs: number;
}

/**
 * A process that was starved or cut off loses its lease on the way; then it takes the run up again,
 * unless another one has finished it. A run that waits for its GPU jobs for long is left to a daemon.
 */
async function hostToEnd(daemon: Daemon, config: Config, work: Work): Promise<JobEnd> {
  const { runId, stop } = work;
  const settled = daemon.supervisor.settled(runId);
  await adoptWhenFree(daemon, config, work);
  let idleSince = Infinity;
  for (;;) {
    const atRest = await Promise.race([settled, stop, pause(PAUSE_MS)]);
    if (atRest !== undefined) return ended(atRest);
    const hosted = daemon.supervisor.status().hosted.find(({ run_id }) => run_id === runId);
    if (hosted !== undefined) {
      if (!isOfGpuJobs(hosted)) idleSince = Infinity;
      else idleSince = Math.min(idleSince, performance.now());
      if (performance.now() - idleSince < work.handOverAfterMs || !hosted.waiting) continue;
      if (await handOver(daemon, runId))
        return { document: (await findRun(daemon.runs, runId)).document, isHandedOver: true };
      continue;
    }
    const record = await findRun(daemon.runs, runId);
    if (isOver(record)) return ended(record.document);
    await adoptWhenFree(daemon, config, work);
  }
}

/** False when it has something to do by now. */
async function handOver({ supervisor }: Daemon, runId: string): Promise<boolean> {
  try {
    await supervisor.passivate(runId);
    return true;
  } catch (thrown) {
    if (toHaystackError(thrown).code !== "RUN_STATE_FORBIDS") throw thrown;
    return false;
  }
}

/**
 * An earlier process of this run may be gone while its lease lasts: waits that long before it calls
 * the run hosted.
 */
async function adoptWhenFree(
  daemon: Daemon,
  config: Config,
  { runId, adjust, stop }: Work,
): Promise<void> {
  const patience = performance.now() + config.LEASE_SECONDS * 1_500;
  for (;;) {
    try {
      return await daemon.supervisor.adopt(runId, adjust);
    } catch (thrown) {
      if (toHaystackError(thrown).code !== "LEASE_LOST" || performance.now() > patience)
        throw thrown;
      await Promise.race([stop, pause(PAUSE_MS)]);
    }
  }
}
