import { describe, expect, test } from "vitest";
import { deliveredIteration, mayImprove, terminationReason } from "../../machines/run-actions.ts";
import type { FinishedIteration } from "../../machines/run-types.ts";
import { run } from "../support/hosted-runs.ts";

/** What a run decides by its scores, at every boundary. */

const RULES = {
  score_threshold: 7,
  max_iterations: 9,
  plateau_window: 3,
  min_improvement: 1,
};
type Rules = Partial<typeof RULES>;

describe("why a run stops", () => {
  test.each<[string, readonly number[], Rules, ReturnType<typeof terminationReason>]>([
    ["nothing is scored", [], {}, null],
    ["nothing is scored, and no iteration is allowed", [], { max_iterations: 0 }, null],

    ["below the threshold", [6], {}, null],
    ["at the threshold", [7], {}, "converged"],
    ["above the threshold", [8], {}, "converged"],
    ["the newest counts, not an earlier one", [8, 6], {}, null],
    ["only the newest is at the threshold", [2, 7], {}, "converged"],

    ["one iteration is left", [3, 5], { max_iterations: 3 }, null],
    ["the last allowed iteration", [3, 5, 6], { max_iterations: 3 }, "max_iterations"],
    ["more than the allowed iterations", [3, 5, 6], { max_iterations: 2 }, "max_iterations"],
    ["a single iteration is allowed", [3], { max_iterations: 1 }, "max_iterations"],

    ["the window is filled, with nothing before it", [5, 5, 5], {}, null],
    ["the window is filled, with one before it", [5, 5, 5, 5], {}, "plateau"],
    ["one short of a smaller window", [5], { plateau_window: 1 }, null],
    ["a smaller window", [5, 5], { plateau_window: 1 }, "plateau"],

    ["a gain just below the least", [4, 4, 4, 4.99], {}, "plateau"],
    ["a gain of exactly the least", [4, 4, 4, 5], {}, null],
    ["a gain above the least", [4, 4, 4, 6], {}, null],
    ["a loss", [5, 4, 3, 4], {}, "plateau"],
    ["a larger least gain is reached", [3, 3, 3, 5], { min_improvement: 2 }, null],
    ["a larger least gain is missed", [3, 3, 3, 4], { min_improvement: 2 }, "plateau"],
    ["no gain is asked for", [5, 5, 5, 5], { min_improvement: 0 }, null],
    ["no gain is asked for, and the best is lost", [5, 4, 4, 4], { min_improvement: 0 }, "plateau"],

    ["the gain came at the begin of the window", [3, 4, 3, 3], {}, null],
    ["the gain has left the window", [3, 4, 4, 3, 4], {}, "plateau"],
    ["the best before the window counts, not the newest", [5, 2, 3, 4, 5], {}, "plateau"],
    ["a gain over the best before the window", [5, 2, 3, 4, 6], {}, null],

    ["threshold before last iteration", [3, 7], { max_iterations: 2 }, "converged"],
    ["threshold before plateau", [7, 7, 7, 7], {}, "converged"],
    ["last iteration before plateau", [5, 5, 5, 5], { max_iterations: 4 }, "max_iterations"],
    ["threshold before both", [7, 7, 7, 7], { max_iterations: 4 }, "converged"],
  ])("%s: %j, %j", (_, scores, rules, reason) => {
    expect(terminationReason(scores, { ...run("r1").config, ...RULES, ...rules })).toBe(reason);
  });
});

describe("a run of which no gain is expected", () => {
  const config = { ...run("r1").config, ...RULES };
  const iteration = (accuracy_may_improve: boolean, score_may_improve: boolean) =>
    ({
      summary: { outlook: { accuracy_may_improve, score_may_improve, measured_scores: [4] } },
    }) as unknown as FinishedIteration;

  test.each([
    [[3], {}, "no_expected_gain"],
    [[7], {}, "converged"],
    [[3], { max_iterations: 1 }, "max_iterations"],
    [[5, 5, 5, 5], {}, "plateau"],
    [[], {}, null],
  ] as const)("%j, %j: %s", (scores, rules, reason) => {
    expect(terminationReason(scores, { ...config, ...rules }, false)).toBe(reason);
  });

  test.each([
    [[], true],
    [[iteration(true, true)], true],
    [[iteration(false, true)], true],
    [[iteration(true, false)], true],
    [[iteration(false, false)], false],
    [[iteration(false, false), iteration(true, false)], true],
    [[{ summary: {} } as FinishedIteration], true],
  ])("a gain may come unless neither number of the newest iteration can improve", (past, may) => {
    expect(mayImprove(past)).toBe(may);
  });
});

describe("which iteration is delivered", () => {
  const iterations = (scores: readonly number[]): FinishedIteration[] =>
    scores.map((score, i) => ({ summary: { iteration: i + 1, score } }) as FinishedIteration);

  test.each<[string, readonly number[], "best" | "last", number]>([
    ["the only one", [1], "best", 1],
    ["the only one", [1], "last", 1],
    ["the first is best", [6, 5, 4], "best", 1],
    ["one between is best", [3, 6, 4], "best", 2],
    ["the last is best", [3, 4, 6], "best", 3],
    ["of equal ones the first, which cost least", [6, 6, 6], "best", 1],
    ["of equal best ones the first of them", [3, 6, 4, 6], "best", 2],
    ["the last though another is better", [6, 3, 4], "last", 3],
    ["the last of equal ones", [6, 6, 6], "last", 3],
  ])("%s: %j, %s", (_, scores, deliver, delivered) => {
    expect(deliveredIteration(iterations(scores), deliver).iteration).toBe(delivered);
  });

  test.each(["best", "last"] as const)("%s: none before the first", (deliver) => {
    expect(() => deliveredIteration([], deliver)).toThrow("only after an iteration");
  });
});
