import { expect, test } from "vitest";
import { ranksOfGenes, type SeenResponse } from "../../science/response/gene-ranks.ts";

const GENES = 50;

/** Values of the genes named, 0 of all others. */
const of = (values: Readonly<Record<number, number>>): Float64Array =>
  Float64Array.from({ length: GENES }, (_, gene) => values[gene] ?? 0);

const ranks = (
  delta: Readonly<Record<number, number>>,
  own: Readonly<Record<number, number>>,
  seen: readonly SeenResponse[],
  measuredDelta = delta,
): Int32Array =>
  ranksOfGenes({
    delta: of(delta),
    change: of(delta).map(Math.abs),
    superiority: of(own),
    seen,
    measuredDelta: of(measuredDelta),
    measurement: { treatedCells: 100, controlCells: 100, changed: 10 },
  });

const response = (superiority: Readonly<Record<number, number>>, weight = 1): SeenResponse => ({
  weight,
  superiority: of(superiority),
});

test("a change that all responses show comes before a larger one of a single response", () => {
  const [alone, shared] = [0, 1];
  const [first, second] = [
    response({ [alone]: 0.5, [shared]: 0.2 }),
    response({ [alone]: 0, [shared]: 0.2 }),
  ];
  const own = { [alone]: 0.3, [shared]: 0.2 };
  const placed = ranks({ [alone]: 2, [shared]: 1 }, own, [first, second]);
  expect(placed[shared]).toBe(1);
  expect(placed[alone]).toBe(2);
});

test("a change that few cells show comes after a smaller one that a test would find", () => {
  const [sparse, plain] = [0, 1];
  const seen = [response({ [sparse]: 0.04, [plain]: 0.3 })];
  expect(
    ranks({ [sparse]: 1.5, [plain]: 0.6 }, { [sparse]: 0.04, [plain]: 0.3 }, seen)[plain],
  ).toBe(1);
});

test("a change below the least one counts for no more than it is, however many cells show it", () => {
  const [slight, plain] = [0, 1];
  const seen = [response({ [slight]: -0.5, [plain]: -0.2 })];
  const own = { [slight]: -0.5, [plain]: -0.2 };
  expect(ranks({ [slight]: -0.05, [plain]: -0.4 }, own, seen)[plain]).toBe(1);
});

test("a response against the predicted direction bears nothing out", () => {
  const [against, along] = [0, 1];
  const seen = [response({ [against]: -0.4, [along]: 0.1 })];
  expect(ranks({ [against]: 1, [along]: 1 }, { [against]: 0.1, [along]: 0.1 }, seen)[along]).toBe(
    1,
  );
});

test("a response counts for as much of it as the prediction carries over to the asked cells", () => {
  const [kept, halved] = [0, 1];
  const seen = [response({ [kept]: 0.3, [halved]: 0.3 })];
  const own = { [kept]: 0.2, [halved]: 0.2 };
  const delta = { [kept]: 1, [halved]: 1 };
  expect(ranks(delta, own, seen, { [kept]: 1, [halved]: 2 })[halved]).toBe(2);
  expect(ranks(delta, own, seen, { [kept]: 2, [halved]: 1 })[halved]).toBe(1);
});

test("responses count by their share", () => {
  const [ofHeavy, ofLight] = [0, 1];
  const seen = [response({ [ofHeavy]: 0.3 }, 3), response({ [ofLight]: 0.3 }, 1)];
  const own = { [ofHeavy]: 0.2, [ofLight]: 0.2 };
  expect(ranks({ [ofHeavy]: 1, [ofLight]: 1 }, own, seen)[ofHeavy]).toBe(1);
});

test("without measured responses the prediction's own cells decide, and what is not measured is last", () => {
  const [weak, strong, unknown] = [0, 1, 2];
  const own = { [weak]: 0.1, [strong]: 0.3, [unknown]: 0.1 };
  const delta = { [weak]: 1, [strong]: 1, [unknown]: 1 };
  expect(ranks(delta, own, [])[strong]).toBe(1);
  const placed = ranks(delta, own, [
    response({ [weak]: 0.1, [strong]: 0.3, [unknown]: Number.NaN }),
  ]);
  expect(placed.slice(0, 3)).toEqual(Int32Array.of(2, 1, 3));
});

test("equal scores go by the change, then by the order of the genes", () => {
  expect(ranks({ 4: 0.2, 7: 0.3, 9: 0.2 }, {}, [])).toMatchObject({ 7: 1, 4: 2, 9: 3, 0: 4 });
});
