import { pairsMade } from "../../actors/run-estimate/pairs-made.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { Round } from "./simulated-jobs.ts";

/** How the predictions of a run are spread over jobs. */

/** Each prediction and each control by a job of its own, which keeps nothing and finds nothing. */
const inTwoJobs = (
  { control_strategy_effective }: RunDocument,
  iterations: number,
  side_by_side: boolean,
): Round[] =>
  Array.from({ length: iterations }, () => ({
    jobs: Array.from(
      { length: control_strategy_effective === "synthetic_control" ? 2 : 1 },
      () => ({ pairs: 1, keeps: false }),
    ),
    side_by_side,
  }));

/** All of an iteration by one job, but what was found; none where all was. */
const inOneJob = ({ iterations, control_strategy_effective }: RunDocument): Round[] =>
  iterations.map((iteration) => {
    const pairs = pairsMade(iteration, control_strategy_effective);
    return { jobs: pairs > 0 ? [{ pairs, keeps: true }] : [], side_by_side: false };
  });

const promptsOf = ({ iterations }: RunDocument): number =>
  iterations.reduce((sum, { prompts }) => sum + (prompts?.length ?? 1), 0);

/** The run that each has: with one prompt an iteration, or with several. */
export const WAYS = {
  /** The second job began when the first had ended. */
  seed: { of: "single", rounds: (run) => inTwoJobs(run, run.iterations.length, false) },
  version_1: { of: "single", rounds: (run) => inTwoJobs(run, run.iterations.length, true) },
  /** As many prompts as version 2 tried, an iteration each. */
  version_1_same_prompts: {
    of: "several",
    rounds: (run) => inTwoJobs(run, promptsOf(run), true),
  },
  version_2_one_prompt: { of: "single", rounds: inOneJob },
  version_2: { of: "several", rounds: inOneJob },
} as const satisfies Record<
  string,
  { readonly of: "single" | "several"; readonly rounds: (run: RunDocument) => Round[] }
>;
export type Way = keyof typeof WAYS;
