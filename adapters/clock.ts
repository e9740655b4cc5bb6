import { join } from "node:path";
import type { Config } from "../config.ts";
import type { HaystackError } from "../errors.ts";
import type { Clock } from "../services/clock/index.ts";
import { keepClock } from "../services/clock/kept.ts";
import { systemClock } from "../services/clock/system.ts";

export const clock: Clock = systemClock;

/** A daemon's clock goes on where the one before it on the same data folder stood. */
export const keepDaemonClock = (
  { dataDir }: Pick<Config, "dataDir">,
  onTrouble: (error: HaystackError) => void,
): (() => Promise<void>) => keepClock(systemClock, join(dataDir, "clock.json"), onTrouble);
