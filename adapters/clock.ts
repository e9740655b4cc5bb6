import type { Clock } from "../services/clock/index.ts";
import { systemClock } from "../services/clock/system.ts";

export const clock: Clock = systemClock;
