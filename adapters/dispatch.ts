import { createDispatch, type Dispatch } from "../actors/supervisor/dispatch.ts";
import { type Config, handedOn } from "../config.ts";
import type { RunJobs } from "../services/batch/index.ts";
import type { Clock } from "../services/clock/index.ts";
import type { RunStore } from "../services/runs/index.ts";
import { configured, googlePlace, googleSettings, recordOf } from "./google-jobs.ts";

/**
 * A run's time limit as a job: Google Batch's own, as the run keeps deadlines for everything it
 * waits for.
 */
const LONGEST_RUN_SECONDS = 14 * 86_400;

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
  const open = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && handedOn(entry[0], entry[1]) === "openly",
  );
  const runJobs = googleRunJobs({
    ...googlePlace(config),
    ...googleSettings(config),
    image: configured(config, "DISPATCH_IMAGE"),
    machineType: config.DISPATCH_MACHINE_TYPE,
    environment: Object.fromEntries(open),
    secretEnvironment: recordOf(config.DISPATCH_SECRETS),
    maxRunSeconds: LONGEST_RUN_SECONDS,
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
