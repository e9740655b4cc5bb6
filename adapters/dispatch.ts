import { createDispatch, type Dispatch } from "../actors/supervisor/dispatch.ts";
import { bootDiskTypeElsewhere, type Config, handedOn } from "../config.ts";
import { given } from "../given.ts";
import type { ImportJobs, RunJobs } from "../services/batch/index.ts";
import type { Clock } from "../services/clock/index.ts";
import type { RunStore } from "../services/runs/index.ts";
import { configured, googlePlace, googleSettings, recordOf } from "./google-jobs.ts";

/**
 * A run's time limit as a job: Google Batch's own, as the run keeps deadlines for everything it
 * waits for.
 */
const LONGEST_RUN_SECONDS = 14 * 86_400;
const LONGEST_IMPORT_SECONDS = 86_400;

export interface RunDispatch {
  readonly dispatch: Dispatch;
  readonly runJobs: RunJobs;
}

interface DispatchParts {
  readonly runs: RunStore;
  readonly clock: Clock;
  readonly environment: NodeJS.ProcessEnv;
  readonly onTrouble: (thrown: unknown) => void;
}

export async function openDispatch(
  config: Config,
  { runs, clock, environment, onTrouble }: DispatchParts,
): Promise<RunDispatch | undefined> {
  if (config.DISPATCH !== "batch") return undefined;
  const { googleRunJobs } = await import("../services/batch/google/run-jobs.ts");
  const runJobs = googleRunJobs({
    ...jobSettings(config, environment),
    maxRunSeconds: LONGEST_RUN_SECONDS,
    idleSeconds: config.DISPATCH_IDLE_SECONDS,
  });
  return {
    runJobs,
    dispatch: createDispatch({
      runs,
      runJobs,
      clock,
      watchMs: config.DISPATCH_WATCH_SECONDS * 1_000,
      maxJobs: config.DISPATCH_MAX_JOBS,
      onTrouble,
    }),
  };
}

export async function openImportJobs(
  config: Config,
  environment: NodeJS.ProcessEnv,
): Promise<ImportJobs> {
  const { googleImportJobs } = await import("../services/batch/google/import-jobs.ts");
  return googleImportJobs({
    ...jobSettings(config, environment),
    maxRunSeconds: LONGEST_IMPORT_SECONDS,
  });
}

/** Of jobs that run the orchestrator's own image. */
const jobSettings = (config: Config, environment: NodeJS.ProcessEnv) => ({
  ...googlePlace(config),
  ...googleSettings(config, config.BATCH_LOCATION),
  ...given({ serviceAccount: config.DISPATCH_SERVICE_ACCOUNT ?? config.BATCH_SERVICE_ACCOUNT }),
  bootDisk: {
    sizeGb: config.BATCH_BOOT_DISK_GB,
    ...given({
      image: config.BATCH_BOOT_DISK_IMAGE,
      type: bootDiskTypeElsewhere(config.DISPATCH_MACHINE_TYPE, config.BATCH_BOOT_DISK_TYPE),
    }),
  },
  image: configured(config, "DISPATCH_IMAGE"),
  machineType: config.DISPATCH_MACHINE_TYPE,
  environment: Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && handedOn(entry[0], entry[1]) === "openly",
    ),
  ),
  secretEnvironment: recordOf(config.DISPATCH_SECRETS),
});
