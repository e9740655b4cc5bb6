import { expect, test } from "vitest";
import { haystack } from "../support/command-line.ts";
import { describeWithData, KANG } from "../support/data.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

interface Validation {
  readonly targets: readonly {
    readonly status: string;
    readonly first_pearson_delta: number;
    readonly pearson_delta: number;
    readonly grounding_scores: readonly number[];
  }[];
  readonly mean: { readonly pearson_delta: number };
}

describeWithData("validation on the Kang 2018 data", () => {
  const validateAll = async (...more: string[]): Promise<Validation> => {
    const outcome = await haystack([
      "validate",
      "--all",
      "--atlas",
      KANG,
      "--control-strategy",
      "synthetic_control",
      "--json",
      "--data-dir",
      await temporaryFolder(),
      ...more,
    ]);
    const result = JSON.parse(outcome.stdout) as Validation;
    expect(result.targets.map(({ status }) => status)).toEqual(
      Array.from({ length: 5 }, () => "completed"),
    );
    return result;
  };

  test("the responses of withheld cell types are predicted with a mean Pearson of 0.88 and more", async () => {
    expect((await validateAll("--seed", "7")).mean.pearson_delta).toBeGreaterThanOrEqual(0.88);
  });

  test("started from the worst prompt, four of five targets end clearly better within three iterations", async () => {
    const { targets } = await validateAll(
      "--seed",
      "1",
      "--first-prompt",
      "worst",
      "--max-iterations",
      "3",
    );
    expect(
      Math.max(...targets.map(({ grounding_scores }) => grounding_scores.length)),
    ).toBeLessThanOrEqual(3);
    const better = targets.filter(
      ({ first_pearson_delta: first, pearson_delta: last, grounding_scores: scores }) =>
        last > first + 0.1 && Math.max(...scores) > (scores[0] ?? 10),
    );
    expect(better.length / targets.length).toBeGreaterThanOrEqual(0.8);
  });
});
