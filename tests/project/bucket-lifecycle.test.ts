import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { orderPath } from "../../actors/imports/order.ts";
import { indexPath } from "../../actors/imports/standing.ts";
import { iterationObjects, resultObjects } from "../../actors/run-objects.ts";
import { runConfigSchema } from "../../services/runs/document.ts";

interface Rule {
  readonly action: { readonly type: string };
  readonly condition: {
    readonly age: number;
    readonly matchesPrefix?: readonly string[];
    readonly matchesSuffix?: readonly string[];
  };
}

const { rule: rules } = JSON.parse(readFileSync("docs/bucket-lifecycle.json", "utf8")) as {
  readonly rule: readonly Rule[];
};

/** The age in days from which the object goes; undefined: it stays. */
function goesAfter(path: string): number | undefined {
  const ages = rules
    .filter(({ action }) => action.type === "Delete")
    .filter(
      ({ condition: { matchesPrefix = [""], matchesSuffix = [""] } }) =>
        matchesPrefix.some((prefix) => path.startsWith(prefix)) &&
        matchesSuffix.some((suffix) => path.endsWith(suffix)),
    )
    .map(({ condition }) => condition.age);
  return ages.length === 0 ? undefined : Math.min(...ages);
}

const LONGEST_JOB_DAYS =
  (runConfigSchema.shape.job_deadline_seconds.unwrap().maxValue ?? Number.NaN) / 86_400;

test("the published lifecycle of a bucket removes working files, and nothing that users come back for", () => {
  const working = iterationObjects("r1", 1);
  const files = [
    working.plan,
    working.query,
    ...(["prediction", "prediction-2"] as const).flatMap((prediction) => [
      working.response(prediction),
      working.evaluation(prediction),
    ]),
    ...(["prediction", "control", "prediction-2", "control-2"] as const).flatMap((kind) => [
      working.prompt(kind),
      working.predictions(kind),
    ]),
  ];
  // Each iteration of a long run may wait for its job and then run it, for as long each.
  for (const file of files) expect(goesAfter(file)).toBeGreaterThan(4 * LONGEST_JOB_DAYS);
  for (const kept of [
    ...Object.values(resultObjects("r1")),
    indexPath("kang"),
    indexPath("batch-io"),
  ])
    expect(goesAfter(kept)).toBeUndefined();
});

test("what a lost machine leaves half-written goes when no job can still write it", () => {
  const partial = `${iterationObjects("r1", 1).predictions("prediction")}.12345678.partial`;
  expect(goesAfter(orderPath("0123456789abcdef01234567"))).toBeGreaterThan(LONGEST_JOB_DAYS);
  expect(goesAfter(partial)).toBe(LONGEST_JOB_DAYS + 1);
});
