import { pairsMade } from "../../actors/run-estimate/pairs-made.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { Round } from "./simulated-jobs.ts";

/** How the predictions of a run are spread over jobs. */

const isControlled = ({ control_strategy_effective }: RunDocument): boolean =>
  control_strategy_effective === "synthetic_control";

/** Each prediction and each control by a job of its own, which keeps nothing and finds nothing. */
const inTwoJobs =
  (sideBySide: boolean) =>
  (run: RunDocument): Round[] =>
    run.iterations.map(() => ({
      jobs: Array.from({ length: isControlled(run) ? 2 : 1 }, () => ({ pairs: 1, keeps: false })),
      side_by_side: sideBySide,
    }));

/** All of an iteration by one job, but what was found; none where all was. */
const inOneJob = (run: RunDocument): Round[] =>
  run.iterations.map((iteration) => {
    const pairs = pairsMade(iteration, run.control_strategy_effective);
    return { jobs: pairs > 0 ? [{ pairs, keeps: true }] : [], side_by_side: false };
  });

/** The seed began the second job when the first had ended. */
export const WAYS = {
  seed: inTwoJobs(false),
  version_1: inTwoJobs(true),
  version_2: inOneJob,
} as const;
export type Way = keyof typeof WAYS;
