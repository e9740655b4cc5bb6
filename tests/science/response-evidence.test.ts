import { describe, expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { reliabilityOf } from "../../science/response/expected-changes.ts";
import { promptEvidence, type EvidencePart } from "../../science/response/prompt-evidence.ts";
import { randomStream, uniform } from "../../science/simulate/seeded-random.ts";
import { poissonQuantile } from "../../science/statistics/poisson.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import { adataOf } from "../support/kang.ts";

const GENES = Array.from({ length: 40 }, (_, i) => `G${i}`);

interface Cells {
  readonly rows: number[][];
  readonly groups: string[];
}

/** Counts of `n` cells a group; the first ten genes respond, each group in its own strength. */
function cells(groups: Readonly<Record<string, number>>, responds: boolean): Cells {
  const random = randomStream(3, `evidence/${responds}`);
  const rows: number[][] = [];
  const names: string[] = [];
  Object.entries(groups).forEach(([name, n], k) => {
    for (let cell = 0; cell < n; cell += 1) {
      rows.push(
        GENES.map((_, gene) =>
          poissonQuantile(uniform(random), (1 + (gene % 5)) * (responds && gene < 10 ? 3 + k : 1)),
        ),
      );
      names.push(name);
    }
  });
  return { rows, groups: names };
}

const adata = ({ rows, groups }: Cells, genes: readonly string[] = GENES): AnnData => {
  const made = adataOf(rows, genes);
  return { ...made, obs: { ...made.obs, columns: { group_id: groups } } };
};

const parts = (weights: Readonly<Record<string, number>>): EvidencePart[] =>
  Object.entries(weights).map(([name, weight]) => ({
    group_id: `p${name}`,
    control_group_id: `c${name}`,
    weight,
  }));

const FORMULA = String.raw`
import json, sys
import numpy as np
given = json.loads(sys.argv[1])
def log(rows):
    X = np.array(rows, float); s = X.sum(1, keepdims=True); return np.log1p(X / np.where(s > 0, s, 1e4) * 1e4).astype("float32").astype(float)
P, C, Q = (log(given[k]["rows"]) for k in ("prompt", "controls", "query"))
pg, cg = np.array(given["prompt"]["groups"]), np.array(given["controls"]["groups"])
seen = [(w / sum(given["weights"].values()), P[pg == "p" + k], C[cg == "c" + k]) for k, w in given["weights"].items()]
groups = [X for _, t, c in seen for X in (t, c)] + [Q]
df = sum(len(X) - 1 for X in groups); ss = sum(len(X) * X.var(0) for X in groups)
pooled = (ss + ss.mean() / df) / (df + 1)
var = lambda X: (len(X) * X.var(0) + pooled) / len(X)
w = np.array([s[0] for s in seen]); d = np.array([t.mean(0) - c.mean(0) for _, t, c in seen])
v = np.array([var(t) / len(t) + var(c) / len(c) for _, t, c in seen])
n = 1 / (w**2).sum(); delta = w @ d; sampling = w**2 @ v
if given["reading"]: variance = sampling
else:
    b = np.maximum(0, n / (n - 1) * (w @ (d - delta) ** 2) - w @ v) if len(w) > 1 else 0 * delta
    c = b.sum() / (delta**2).sum() if len(w) > 1 else 1
    variance = sampling + ((1 - 1 / n) * b + c * delta**2 / n) * (1 + 1 / n)
print(json.dumps({"delta": delta.tolist(), "variance": variance.tolist()}))
`;

interface Case {
  readonly name: string;
  readonly treated: Readonly<Record<string, number>>;
  readonly controls: Readonly<Record<string, number>>;
  readonly weights: Readonly<Record<string, number>>;
  readonly reading?: boolean;
}

const CASES: readonly Case[] = [
  {
    name: "three groups",
    treated: { pa: 30, pb: 20, pc: 9 },
    controls: { ca: 25, cb: 30, cc: 12 },
    weights: { a: 0.5, b: 0.3, c: 0.2 },
  },
  {
    name: "shares that do not sum to 1",
    treated: { pa: 30, pb: 20 },
    controls: { ca: 25, cb: 30 },
    weights: { a: 2, b: 1 },
  },
  {
    name: "a group of one cell",
    treated: { pa: 30, pb: 1 },
    controls: { ca: 25, cb: 1 },
    weights: { a: 0.5, b: 0.5 },
  },
  { name: "one group", treated: { pa: 30 }, controls: { ca: 25 }, weights: { a: 1 } },
  {
    name: "the asked cells themselves",
    treated: { pa: 30, pb: 20 },
    controls: { ca: 25, cb: 30 },
    weights: { a: 0.5, b: 0.5 },
    reading: true,
  },
];

const evidence = ({ treated, controls, weights, reading = false }: Case, query = { q: 20 }) =>
  promptEvidence(GENES, {
    prompt: adata(cells(treated, true)),
    controls: adata(cells(controls, false)),
    query: adata(cells(query, false)),
    parts: parts(weights),
    reading,
  });

describeWithPython("evidence as the formula has it", () => {
  test.each(CASES)("$name", async (given) => {
    const { treated, controls, weights, reading = false } = given;
    const wanted = await runPython<{ delta: number[]; variance: number[] }>(FORMULA, {
      prompt: cells(treated, true),
      controls: cells(controls, false),
      query: cells({ q: 20 }, false),
      weights,
      reading,
    });
    const seen = evidence(given);
    wanted.delta.forEach((value, gene) => expect(seen.delta[gene]).toBeCloseTo(value, 10));
    wanted.variance.forEach((value, gene) => expect(seen.variance[gene]).toBeCloseTo(value, 10));
  });
});

describe("what is not known is not relied on", () => {
  const sure = (given: Case, query?: { q: number }): number[] => {
    const seen = evidence(given, query);
    return [...reliabilityOf(seen.delta, seen)];
  };

  test("of single cells everywhere nothing is relied on", () => {
    const single: Case = {
      name: "",
      treated: { pa: 1, pb: 1 },
      controls: { ca: 1, cb: 1 },
      weights: { a: 0.5, b: 0.5 },
    };
    expect(Math.max(...sure(single, { q: 1 }))).toBe(0);
  });

  test("a single cell beside known groups is relied on less than many cells", () => {
    const of = (n: number): number[] =>
      sure({
        name: "",
        treated: { pa: 40, pb: n },
        controls: { ca: 40, cb: n },
        weights: { a: 0.5, b: 0.5 },
      });
    const mean = (values: readonly number[]): number =>
      values.slice(0, 10).reduce((sum, value) => sum + value, 0) / 10;
    expect(mean(of(1))).toBeLessThan(mean(of(40)));
  });

  test("one group never gives more than a third", () => {
    expect(Math.max(...sure(CASES[3]!))).toBeLessThanOrEqual(1 / 3);
  });

  test("a group without cells is left out, and without any group nothing is said", () => {
    const withEmpty = { ...CASES[0]!, weights: { ...CASES[0]!.weights, none: 0.5 } };
    expect(evidence(withEmpty)).toEqual(evidence(CASES[0]!));
    const empty = evidence({ ...CASES[0]!, weights: { none: 1 } });
    expect(empty.groups).toBe(0);
    expect([...empty.delta, ...empty.variance].every(Number.isNaN)).toBe(true);
  });

  test("values that are all alike are not taken for ones that never vary", () => {
    const alike = (value: number, groups: readonly string[]): Cells => ({
      rows: groups.map(() => GENES.map((_, gene) => (gene === 0 ? value : 1 + (gene % 5)))),
      groups: [...groups],
    });
    const seen = promptEvidence(GENES, {
      prompt: adata(alike(9, ["pa", "pa", "pb", "pb"])),
      controls: adata(alike(3, ["ca", "ca", "cb", "cb"])),
      query: adata(alike(3, ["q", "q"])),
      parts: parts({ a: 0.5, b: 0.5 }),
      reading: false,
    });
    expect([...reliabilityOf(seen.delta, seen)].every((share) => share === 0)).toBe(true);
  });

  test("a gene that the prompt lacks has no delta and no reliability", () => {
    const { treated, controls, weights } = CASES[0]!;
    const seen = promptEvidence([...GENES, "ABSENT"], {
      prompt: adata(cells(treated, true)),
      controls: adata(cells(controls, false)),
      query: adata(cells({ q: 20 }, false)),
      parts: parts(weights),
      reading: false,
    });
    expect(seen.delta[GENES.length]).toBeNaN();
    expect(reliabilityOf(seen.delta, seen)[GENES.length]).toBeNaN();
    expect(seen.variance.slice(0, GENES.length).every(Number.isFinite)).toBe(true);
  });
});
