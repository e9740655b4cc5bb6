import { join } from "node:path";
import { expect, test } from "vitest";
import { writeH5ad } from "../../science/anndata/write.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import {
  calibrateChanges,
  changeScores,
  UNCALIBRATED,
  type LeftOutPart,
} from "../../science/response/expected-changes.ts";
import { momentsByGroup, type Moments } from "../../science/response/group-moments.ts";
import { responsesBehind } from "../../science/response/measured-responses.ts";
import { randomStream, uniform } from "../../science/simulate/seeded-random.ts";
import { poissonQuantile } from "../../science/statistics/poisson.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { adataOf } from "../support/kang.ts";

const GENES = Array.from({ length: 200 }, (_, i) => `G${i}`);
const RESPONDING = 30;

function moments(name: string, fold: number, cells = 60): Moments {
  const random = randomStream(5, name);
  const rows = Array.from({ length: cells }, () =>
    GENES.map((_, gene) =>
      poissonQuantile(uniform(random), (1 + (gene % 7)) * (gene < RESPONDING ? fold : 1)),
    ),
  );
  return momentsByGroup(adataOf(rows, GENES), GENES).get("")!;
}

const partsOf = (folds: readonly number[]): LeftOutPart[] =>
  folds.map((fold, k) => ({
    unit: `type ${k}`,
    treated: moments(`treated ${k}`, fold),
    control: moments(`control ${k}`, 1),
    weight: 1 / folds.length,
  }));

const callsOf = (parts: readonly LeftOutPart[], changed: number) =>
  calibrateChanges(
    GENES.length,
    parts,
    parts.map(({ unit }) => ({ unit, changed })),
  );

test("the more genes measured responses change, the lower the threshold", () => {
  const parts = partsOf([3, 3, 4]);
  const [few, some, many] = [5, 30, 80].map((changed) => callsOf(parts, changed).threshold);
  expect(few).toBeGreaterThan(some!);
  expect(some).toBeGreaterThan(many!);
});

test("where no measured response changes a gene, a prediction must pass the thresholds of a measurement", () => {
  expect(callsOf(partsOf([1, 1, 1]), 0).threshold).toBeGreaterThanOrEqual(1);
});

test("one unit calibrates nothing", () => {
  expect(callsOf(partsOf([3]), 30)).toEqual(UNCALIBRATED);
  expect(callsOf([], 30)).toEqual(UNCALIBRATED);
});

test("units are counted, with the cells that they usually have", () => {
  expect(callsOf(partsOf([3, 3, 4]), 30)).toMatchObject({ leftOut: 3, treatedCells: 60 });
});

test("a gene scores 1 at the nearer of both thresholds, and 0 where nothing is known of it", () => {
  const scores = changeScores({
    delta: Float64Array.of(1, 0.1, -0.2, 0, 1, Number.NaN),
    reliability: Float64Array.of(1, 1, 0.5, 0, Number.NaN, Number.NaN),
    error: Float64Array.of(1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4),
  });
  expect(scores[0]).toBeGreaterThan(1);
  expect(scores[1]).toBeCloseTo(1, 12);
  expect(scores[2]).toBeCloseTo(1, 12);
  expect([scores[3], scores[4], scores[5]]).toEqual([0, 0, 0]);
});

test("a change within the error of the measurement scores below 1 however reliable", () => {
  const scores = changeScores({
    delta: Float64Array.of(0.5, 0.5),
    reliability: Float64Array.of(1, 1),
    error: Float64Array.of(1, 1e-4),
  });
  expect(scores[0]).toBeLessThan(1);
  expect(scores[1]).toBeGreaterThan(1);
});

test.each([
  ["6 cells a group, which can call no gene, tell nothing", 6, 0],
  ["30 cells a group are left out in turn", 30, 3],
])("%s", async (_name, cells, leftOut) => {
  const folder = await temporaryFolder();
  const donors = ["d1", "d2", "d3"];
  const groups = donors.flatMap((donor) => [
    { donor, perturbation: "control", fold: 1 },
    { donor, perturbation: "drug", fold: 4 },
  ]);
  const random = randomStream(8, "few");
  const rows = groups.flatMap(({ fold }) =>
    Array.from({ length: cells }, () =>
      GENES.map((_, gene) =>
        poissonQuantile(uniform(random), (1 + (gene % 7)) * (gene < RESPONDING ? fold : 1)),
      ),
    ),
  );
  const labels = (of: (group: (typeof groups)[number]) => string) =>
    groups.flatMap((group) => Array.from({ length: cells }, () => of(group)));
  const adata = adataOf(rows, GENES);
  const source = join(folder, "a.h5ad");
  await writeH5ad(source, {
    ...adata,
    obs: {
      index: adata.obs.index,
      columns: {
        cell_type: labels(() => "B cell"),
        perturbation: labels(({ perturbation }) => perturbation),
        donor: labels(({ donor }) => donor),
      },
    },
  });
  const dir = join(folder, "atlas");
  await importAtlas(
    { source, outDir: dir },
    { cellOntologyId: () => null, perturbationId: () => null },
  );
  const atlas = await openAtlas(dir);
  const parts = atlas.index.groups
    .filter(({ is_control }) => !is_control)
    .map(({ group_id, control_group_id }) => ({ group_id, control_group_id, weight: 1 / 3 }));
  const { calibration, seen } = await responsesBehind(GENES, parts, [atlas], 1);
  expect(calibration.leftOut).toBe(leftOut);
  expect(seen.map(({ weight }) => weight)).toEqual([1 / 3, 1 / 3, 1 / 3]);
  for (const { superiority } of seen) expect(superiority[RESPONDING - 1]).toBeGreaterThan(0);
});
