import { problemOf } from "../../zod-words.ts";
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import { z } from "zod";
import { type Config } from "../../config.ts";
import { readConfig } from "../configuration.ts";
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
      "\nEnvironment: RUN_ID; USER_EMAIL and CONTROL_STRATEGY override those of a run that has not started. Or IMPORT_ID, IMPORT_ATTEMPT and BATCH_TASK_INDEX.",
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
        const document = await hostOrFail(readEnvironment(), options.dataDir);
        print(options.json === true, document, `${document.run_id}: ${document.status}`);
        if (document.status === "completed") setExitCode(0);
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
): Promise<RunDocument> {
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
    return await failUnbegun(error, run);
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

async function runJob(
  daemon: Daemon,
  config: Config,
  environment: JobEnvironment,
): Promise<RunDocument> {
  const { RUN_ID } = environment;
  const record = await findRun(daemon.runs, RUN_ID);
  if (isOver(record)) return record.document;
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
}

/**
 * A process that was starved or cut off loses its lease on the way; then it takes the run up again,
 * unless another one has finished it.
 */
async function hostToEnd(daemon: Daemon, config: Config, work: Work): Promise<RunDocument> {
  const { runId, stop } = work;
  const settled = daemon.supervisor.settled(runId);
  await adoptWhenFree(daemon, config, work);
  for (;;) {
    const ended = await Promise.race([settled, stop, pause(PAUSE_MS)]);
    if (ended !== undefined) return ended;
    if (daemon.supervisor.hosted().includes(runId)) continue;
    const record = await findRun(daemon.runs, runId);
    if (isOver(record)) return record.document;
    await adoptWhenFree(daemon, config, work);
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
  const patience = Date.now() + config.LEASE_SECONDS * 1_500;
  for (;;) {
    try {
      return await daemon.supervisor.adopt(runId, adjust);
    } catch (thrown) {
      if (toHaystackError(thrown).code !== "LEASE_LOST" || Date.now() > patience) throw thrown;
      await Promise.race([stop, pause(PAUSE_MS)]);
    }
  }
}
