import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { orderByHistory, stalledStrategies } from "../../science/prompting/history.ts";
import { krigingWeights } from "../../science/prompting/kriging.ts";
import {
  allocateCells,
  allocateProportionally,
  mixtureWeights,
} from "../../science/prompting/mixture.ts";
import { PROMPT_STRATEGIES } from "../../science/prompting/prompt-plan.ts";
import type {
  IterationFeedback,
  PromptCandidate,
  PromptStrategy,
} from "../../science/prompting/prompt-plan.ts";
import { sideBySide } from "../../science/prompting/side-by-side.ts";
import { signedCosine } from "../../science/prompting/mechanism.ts";
import { lexicalLikeness } from "../../science/prompting/strategies/semantic.ts";
import { drawWithoutReplacement, randomStream } from "../../science/simulate/seeded-random.ts";

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
const similarities = fc.array(fc.option(fc.double({ min: -1, max: 1, noNaN: true })), {
  minLength: 1,
  maxLength: 60,
});

describe("mixture weights", () => {
  test("sum to 1, keep at most 24 parts, and never prefer the less similar", () => {
    fc.assert(
      fc.property(similarities, (values) => {
        const weights = mixtureWeights(values);
        expect(sum(weights)).toBeCloseTo(1);
        expect(weights.filter((weight) => weight > 0).length).toBeLessThanOrEqual(24);
        const known = values.flatMap((similarity, i) =>
          similarity === null ? [] : [{ similarity, weight: weights[i]! }],
        );
        const sorted = known.toSorted((x, y) => x.similarity - y.similarity || x.weight - y.weight);
        expect(sorted.map(({ weight }) => weight)).toEqual(
          known.map(({ weight }) => weight).toSorted((x, y) => x - y),
        );
      }),
      { seed: 1 },
    );
  });

  test("are equal when nothing was measured", () => {
    expect(mixtureWeights([null, null])).toEqual([0.5, 0.5]);
  });
});

describe("kriging weights", () => {
  const ample = (types: number) => Array.from({ length: types }, () => 1e6);

  test("sum to 1, are never negative, and at most 24 types get one", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.integer({ min: 1, max: 500 })),
          { minLength: 1, maxLength: 40 },
        ),
        (types) => {
          const place = types.map(([similarity]) => similarity);
          const weights = krigingWeights({
            toQuery: place,
            between: (i, j) => 1 - Math.abs(place[i]! - place[j]!),
            cells: types.map(([, cells]) => cells),
          });
          expect(sum(weights)).toBeCloseTo(1);
          expect(Math.min(...weights)).toBeGreaterThanOrEqual(0);
          expect(weights.filter((weight) => weight > 0).length).toBeLessThanOrEqual(24);
        },
      ),
      { seed: 2 },
    );
  });

  test("two types that are like each other share one vote", () => {
    const [twin, same, other] = krigingWeights({
      toQuery: [0.7, 0.7, 0.7],
      between: (i, j) => (i + j === 1 ? 0.999 : 0.3),
      cells: ample(3),
    });
    expect(twin).toBeCloseTo(same ?? 0, 6);
    expect((twin ?? 0) + (same ?? 0)).toBeCloseTo(other ?? 0, 1);
  });

  test("the more alike and the more cells, the more weight", () => {
    const [near = 0, far = 0] = krigingWeights({
      toQuery: [0.9, 0.6],
      between: () => 0.5,
      cells: ample(2),
    });
    expect(near).toBeGreaterThan(far);
    const [many = 0, few = 0] = krigingWeights({
      toQuery: [0.8, 0.8],
      between: () => 0.5,
      cells: [200, 10],
    });
    expect(many).toBeGreaterThan(2 * few);
    expect(krigingWeights({ toQuery: [0.4], between: () => 1, cells: [1] })).toEqual([1]);
  });
});

describe("allocated cells", () => {
  const groups = fc.array(
    fc.record({
      similarity: fc.double({ min: -1, max: 1, noNaN: true }),
      size: fc.integer({ min: 1, max: 500 }),
    }),
    { minLength: 1, maxLength: 30 },
  );

  test("exceed neither the groups nor the total, and are exactly the weights' share of it where groups are large", () => {
    fc.assert(
      fc.property(groups, fc.integer({ min: 1, max: 800 }), (members, total) => {
        const weights = mixtureWeights(members.map(({ similarity }) => similarity));
        const cells = allocateCells(
          weights,
          members.map(({ size }) => size),
          total,
        );
        expect(sum(cells)).toBeGreaterThan(0);
        expect(sum(cells)).toBeLessThanOrEqual(total);
        members.forEach(({ size }, i) => expect(cells[i]).toBeLessThanOrEqual(size));
        const ample = allocateCells(
          weights,
          members.map(() => total),
          total,
        );
        expect(sum(ample)).toBe(total);
        weights.forEach((weight, i) =>
          expect(Math.abs(ample[i]! - weight * total)).toBeLessThan(1),
        );
      }),
      { seed: 3 },
    );
  });

  test("keep the mixture's proportions however many cells are asked for", () => {
    expect(allocateCells([0.6, 0.2, 0.2], [150, 5000, 5000], 10_000)).toEqual([150, 67, 66]);
    expect(allocateCells([0.9, 0.1], [3, 5000], 400)).toEqual([3, 40]);
  });

  test("of the query are all cells, or exactly the maximum in proportion", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 1000 }),
        (sizes, total) => {
          const cells = allocateProportionally(sizes, total);
          expect(sum(cells)).toBe(Math.min(total, sum(sizes)));
          sizes.forEach((size, i) => expect(cells[i]).toBeLessThanOrEqual(size));
        },
      ),
      { seed: 4 },
    );
  });
});

test("a draw is without replacement, ascending, in range, and the same for the same seed and name", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 0, max: 100 }),
      (seed, n, more) => {
        const drawn = [...drawWithoutReplacement(randomStream(seed, "group"), n + more, n)];
        expect(drawn).toEqual([
          ...drawWithoutReplacement(randomStream(seed, "group"), n + more, n),
        ]);
        expect(new Set(drawn).size).toBe(n);
        expect(drawn).toEqual(drawn.toSorted((x, y) => x - y));
        expect(drawn.every((i) => i >= 0 && i < n + more)).toBe(true);
      },
    ),
    { seed: 5 },
  );
});

describe("likeness", () => {
  test("of signed sets is 1 for the same, -1 for the opposite, 0 for nothing shared", () => {
    const up = new Map([
      ["STAT1", 1],
      ["IRF7", 1],
    ]);
    const down = new Map([
      ["STAT1", -1],
      ["IRF7", -1],
    ]);
    expect(signedCosine(up, up)).toBeCloseTo(1);
    expect(signedCosine(up, down)).toBeCloseTo(-1);
    expect(signedCosine(up, new Map([["TNF", 1]]))).toBe(0);
    expect(signedCosine(up, new Map())).toBe(0);
  });

  test("of labels forgives case and punctuation and ignores the word for the method", () => {
    expect(lexicalLikeness("IFN-beta", "ifn beta")).toBe(1);
    expect(lexicalLikeness("IFN-beta 6h stimulation", "IFN-beta")).toBeGreaterThan(0.7);
    expect(lexicalLikeness("TP53 knockout", "STAT1 knockout")).toBeLessThan(0.3);
    expect(lexicalLikeness("knockout", "knockout")).toBe(0);
  });
});

function candidate(
  id: string,
  strategy: PromptStrategy,
  rank: number,
  groups: readonly string[],
): PromptCandidate {
  const parts = groups.map((group) => ({
    group_id: group,
    n_cells: 10,
    control_group_id: null,
    n_control_cells: 0,
    weight: 1 / groups.length,
  }));
  return {
    candidate_id: id,
    strategy,
    parts,
    rank_score: rank,
    control_similarity: null,
    rationale: ".",
  };
}

function tried(
  iteration: number,
  id: string,
  strategy: PromptStrategy,
  score: number,
): IterationFeedback {
  return {
    iteration,
    candidate_id: id,
    strategy,
    rationale: "",
    score,
    component_scores: {},
    feedback: [],
  };
}

describe("history", () => {
  const candidates = [
    candidate("a", "ontology", 0.9, ["g1"]),
    candidate("b", "ontology", 0.8, ["g1", "g2"]),
    candidate("c", "ontology", 0.7, ["g3"]),
    candidate("d", "mechanistic", 0.2, ["g4"]),
  ];
  const order = (history: readonly IterationFeedback[]): string[] =>
    orderByHistory(candidates, history).map(({ candidate_id: id }) => id);

  test("without history the rank decides", () => {
    expect(order([])).toEqual(["a", "b", "c", "d"]);
  });

  test("a lookalike of a poor prompt falls behind, of a good one it stays ahead", () => {
    expect(order([tried(1, "a", "ontology", 2)])).toEqual(["c", "b", "d"]);
    expect(order([tried(1, "a", "ontology", 9)])).toEqual(["b", "c", "d"]);
  });

  test("a strategy that did not improve over two tries gives way to another", () => {
    const history = [tried(1, "a", "ontology", 5), tried(2, "c", "ontology", 5)];
    expect(stalledStrategies(history)).toEqual(new Set(["ontology"]));
    expect(order(history)).toEqual(["d", "b"]);
    expect(
      stalledStrategies([tried(1, "a", "ontology", 5), tried(2, "c", "ontology", 6)]).size,
    ).toBe(0);
  });

  test("of several prompts in an iteration the best of a strategy counts", () => {
    const round = [tried(1, "a", "ontology", 4), tried(1, "c", "ontology", 6)];
    expect(stalledStrategies(round).size).toBe(0);
    expect(stalledStrategies([...round, tried(2, "b", "ontology", 5)]).size).toBe(1);
    expect(stalledStrategies([...round, tried(2, "b", "ontology", 7)]).size).toBe(0);
  });

  test("whatever happened, no used candidate comes back and none is lost", () => {
    const feedback = fc.record({
      id: fc.constantFrom("a", "b", "c", "d"),
      strategy: fc.constantFrom(...PROMPT_STRATEGIES),
      score: fc.integer({ min: 1, max: 10 }),
    });
    fc.assert(
      fc.property(fc.array(feedback, { maxLength: 6 }), (tries) => {
        const history = tries.map(({ id, strategy, score }, i) =>
          tried(i + 1, id, strategy, score),
        );
        const used = new Set<string>(tries.map(({ id }) => id));
        expect(order(history).toSorted()).toEqual(
          ["a", "b", "c", "d"].filter((id) => !used.has(id)),
        );
      }),
      { seed: 6 },
    );
  });
});

describe("prompts side by side", () => {
  const ids = (most: number, ...ordered: PromptCandidate[]): string[] =>
    sideBySide(ordered[0]!, ordered, most).map(({ candidate_id: id }) => id);
  const a = candidate("a", "ontology", 0.9, ["g1"]);
  const b = candidate("b", "ontology", 0.8, ["g1", "g2"]);
  const c = candidate("c", "ontology", 0.7, ["g3"]);
  const d = candidate("d", "mechanistic", 0.2, ["g4"]);
  const e = candidate("e", "semantic", 0.1, ["g5"]);

  test("are the first, then the best of the other strategies, then those that show most that is new", () => {
    expect(ids(1, a, b, c, d, e)).toEqual(["a"]);
    expect(ids(2, a, b, c, d, e)).toEqual(["a", "d"]);
    expect(ids(3, a, b, c, d, e)).toEqual(["a", "d", "e"]);
    expect(ids(4, a, b, c, d, e)).toEqual(["a", "d", "e", "c"]);
    expect(ids(5, a, b, c, d, e)).toEqual(["a", "d", "e", "c", "b"]);
  });

  test("are fewer where no candidate is left that shows other cells", () => {
    const again = candidate("again", "mechanistic", 0.9, ["g1"]);
    expect(ids(8, a, b, c, d, e)).toHaveLength(5);
    expect(ids(4, a, again)).toEqual(["a"]);
    expect(ids(4, a)).toEqual(["a"]);
  });
});
