import { createBackground } from "../actors/supervisor/background.ts";
import { createHousekeeping, type Housekeeping, type PruneRule } from "../actors/housekeeping.ts";
import type { Config } from "../config.ts";
import type { HaystackError } from "../errors.ts";
import { given } from "../given.ts";
import type { RunStore } from "../services/runs/index.ts";
import { sharesOfRuns } from "./access.ts";
import { clock } from "./clock.ts";
import { keptJobs } from "./inference.ts";
import { removeLitter } from "./litter.ts";
import { openMail } from "./mail.ts";
import { openObjects } from "./objects.ts";

const EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** For a command that hosts no runs. */
export async function openHousekeeping(
  config: Config,
  runs: RunStore,
): Promise<Housekeeping & { close(): Promise<void> }> {
  const objects = await openObjects(config);
  const mail = await openMail(config, clock);
  const shares = sharesOfRuns(config);
  return {
    ...createHousekeeping({
      runs,
      objects,
      batch: keptJobs(config),
      mail,
      shares,
      now: () => clock.now(),
      removeLitter: (signal) => removeLitter(config, signal),
    }),
    async close() {
      await shares.close();
      await mail.close();
      await objects.close();
    },
  };
}

/** Lets ended runs go as configured, now and every hour; the answer ends it. */
export function keepHouse(
  config: Config,
  housekeeping: Housekeeping,
  onTrouble: (error: HaystackError) => void,
): () => Promise<void> {
  const stopped = new AbortController();
  const background = createBackground(clock, onTrouble, Math.random);
  const rule = pruneRule(config);
  const work = (): Promise<unknown> =>
    rule === undefined
      ? housekeeping.clear(stopped.signal)
      : housekeeping.prune(rule, stopped.signal);
  background.run(work());
  background.every(EVERY_MS, work, 0.5);
  return () => {
    stopped.abort();
    return background.stop();
  };
}

/** Undefined where everything is kept. */
function pruneRule(config: Config): PruneRule | undefined {
  const { RETAIN_DAYS, RETAIN_RUNS_PER_USER, RETAIN_RUNS, RETAIN_RESULTS } = config;
  if ((RETAIN_DAYS ?? RETAIN_RUNS_PER_USER ?? RETAIN_RUNS) === undefined) return undefined;
  return {
    keepsResults: RETAIN_RESULTS,
    ...given({
      olderThanMs: RETAIN_DAYS === undefined ? undefined : RETAIN_DAYS * DAY_MS,
      mostPerUser: RETAIN_RUNS_PER_USER,
      most: RETAIN_RUNS,
    }),
  };
}
