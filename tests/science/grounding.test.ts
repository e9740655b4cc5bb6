import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { describe, expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { compareWithTruth } from "../../science/grounding/compare-with-truth.ts";
import { evaluateResponse, type JudgementInput } from "../../science/grounding/evaluate.ts";
import { excessShare, shiftOf } from "../../science/grounding/expectation.ts";
import type { Expected } from "../../science/grounding/expectation.ts";
import type {
  GroundingComponent,
  GroundingComponentName,
  GroundingScore,
} from "../../science/grounding/grounding.ts";
import { describeResponse } from "../../science/grounding/response.ts";
import type { Knowledge, PathwayEntry } from "../../science/knowledge/knowledge.ts";
import { compareExpression } from "../../science/statistics/differential-expression.ts";
import { adataOf } from "../support/kang.ts";
import { question } from "./grounding-fixtures.ts";

const GENES = Array.from({ length: 300 }, (_, i) => `G${i}`);
const RESPONDING = GENES.filter((_, i) => i % 10 === 0);
const FALLING = GENES.filter((_, i) => i % 30 === 5);

/** Cells of 300 genes; `factor` multiplies the expected count of a gene. */
function cells(seed: number, factor: (gene: string) => number = () => 1): AnnData {
  const random = xoroshiro128plus(seed);
  const rows = Array.from({ length: 60 }, () =>
    GENES.map((gene, i) =>
      Math.round(((4 + (i % 17) * 2) * factor(gene) * uniformInt(random, 0, 200)) / 100),
    ),
  );
  return adataOf(rows, GENES);
}

function pathway(id: string, genes: string[]): PathwayEntry {
  return { id, name: `Pathway ${id}`, genes, source: `source of ${id}` };
}

const knowledge: Knowledge = {
  cellTypes: [],
  pathways: [
    pathway("R", RESPONDING.slice(0, 20)),
    pathway("F", FALLING),
    ...Array.from({ length: 12 }, (_, k) =>
      pathway(
        `O${k}`,
        GENES.filter((_gene, i) => i % 12 === k && i % 10 !== 0),
      ),
    ),
  ],
  perturbations: [
    {
      id: "test-drug",
      name: "Test drug",
      kind: "drug",
      synonyms: [],
      external_ids: {},
      targets: [],
      response: [
        ...RESPONDING.map((gene) => ({ gene, direction: "up" as const })),
        ...FALLING.map((gene) => ({ gene, direction: "down" as const })),
      ],
      pathways: [
        { id: "R", direction: "up" },
        { id: "F", direction: "down" },
      ],
      mechanism: "test",
      source: "source of the test drug",
    },
  ],
};

const reference = cells(1);
const right = cells(1, (gene) =>
  RESPONDING.includes(gene) ? 3 : FALLING.includes(gene) ? 0.3 : 1,
);

function evaluate({
  prediction = right,
  reference: compared = reference,
  ...part
}: Partial<
  JudgementInput & { readonly prediction: AnnData; readonly reference: AnnData }
> = {}): ReturnType<typeof evaluateResponse> {
  return evaluateResponse(compareExpression(prediction, compared), {
    query: question(knowledge, "test-drug"),
    knowledge,
    controlStrategyEffective: "synthetic_control",
    seed: 1,
    ...part,
  });
}

function component(grounding: GroundingScore, name: GroundingComponentName): GroundingComponent {
  return grounding.components.find((one) => one.name === name)!;
}

describe("the grounding score", () => {
  test("of the expected response is high, of its reverse and of another response low", () => {
    expect(evaluate().grounding.score).toBeGreaterThanOrEqual(9);
    expect(
      evaluate({ prediction: reference, reference: right }).grounding.score,
    ).toBeLessThanOrEqual(2);
    const elsewhere = cells(1, (gene) => (GENES.indexOf(gene) % 10 === 3 ? 3 : 1));
    expect(evaluate({ prediction: elsewhere }).grounding.score).toBeLessThanOrEqual(2);
  });

  test("falls as fewer of the expected genes respond", () => {
    const scores = [30, 20, 10, 0].map(
      (n) =>
        evaluate({
          prediction: cells(1, (gene) => (RESPONDING.slice(0, n).includes(gene) ? 3 : 1)),
        }).grounding,
    );
    const targets = scores.map((grounding) => component(grounding, "target_activation").score!);
    expect(targets).toEqual(targets.toSorted((a, b) => b - a));
    expect(new Set(targets).size).toBe(4);
  });

  test("is the rounded weighted mean of the measured components, with the weight of the missing one shared out", () => {
    const { grounding } = evaluate();
    expect(component(grounding, "literature_support")).toStrictEqual({
      name: "literature_support",
      score: null,
      weight: 0,
      reason: "No literature source is configured.",
    });
    expect(component(grounding, "target_activation").weight).toBeCloseTo(0.3 / 0.75, 12);
    expect(grounding.components.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
    expect(grounding.score).toBe(
      Math.round(
        grounding.components.reduce((sum, { score, weight }) => sum + (score ?? 0) * weight, 0),
      ),
    );
    expect(grounding.confidence).toBe("normal");
  });

  test("is the same for the same seed and moves at most one point with the seed", () => {
    expect(evaluate({ seed: 5 })).toEqual(evaluate({ seed: 5 }));
    const scores = Array.from({ length: 20 }, (_, seed) => evaluate({ seed }).grounding.score);
    expect(Math.max(...scores) - Math.min(...scores)).toBeLessThanOrEqual(1);
  });

  test("leaves out what the knowledge does not expect", () => {
    const { grounding, topGenes } = evaluate({ query: question(knowledge, null) });
    expect(component(grounding, "pathway_coherence").score).toBeNull();
    expect(component(grounding, "target_activation").score).toBeNull();
    expect(component(grounding, "network_coherence").weight).toBe(1);
    expect(topGenes.some(({ is_target }) => is_target)).toBe(false);
    expect(grounding.confidence).toBe("lower");
    expect(grounding.evidence.find(({ id }) => id === "C1")?.source).toBe("curated knowledge");
  });

  test("says so when nothing can be measured", () => {
    const { grounding } = evaluate({
      query: question(knowledge, null),
      knowledge: { ...knowledge, pathways: [] },
    });
    expect(grounding.components.every(({ score, weight }) => score === null && weight === 0)).toBe(
      true,
    );
    expect(grounding.score).toBe(1);
    expect(grounding.feedback[0]).toMatch(/could be measured/);
  });

  test("is 1 in every measured component when nothing changes", () => {
    const { grounding, topGenes } = evaluate({ prediction: reference });
    expect(grounding.components.map(({ score }) => score)).toEqual([1, 1, null, 1]);
    expect(grounding.score).toBe(1);
    expect(grounding.feedback[0]).toMatch(/^No gene changes: the prediction equals its reference/);
    expect(topGenes).toEqual([]);
  });

  test("has lower confidence, and evidence of it, when the query cells are the control", () => {
    const { grounding } = evaluate({ controlStrategyEffective: "query_as_control" });
    expect(grounding.confidence).toBe("lower");
    expect(grounding.evidence.find(({ id }) => id === "C1")).toStrictEqual({
      id: "C1",
      component: "pathway_coherence",
      statement:
        "Compared with the query cells themselves, not with a control prediction: whatever the model changes in any cell, and what sets the prompt's donors and cell types apart from the query cells, counts as response, so confidence is lower.",
      supports: false,
      silent: true,
      source: "control strategy query_as_control",
    });
  });

  test("has lower confidence, and evidence of it, when another perturbation stands in", () => {
    expect(evaluate().grounding.confidence).toBe("normal");
    const { grounding } = evaluate({ standIn: "Interferon gamma" });
    expect(grounding.confidence).toBe("lower");
    expect(grounding.score).toBe(evaluate().grounding.score);
    expect(grounding.evidence.find(({ id }) => id === "C1")).toMatchObject({
      statement: expect.stringMatching(
        /^The response is that to Interferon gamma, which stands in for .*, so confidence is lower\.$/,
      ) as string,
      supports: false,
      silent: true,
    });
  });

  test("links that contradict what is expected of their genes do not count", () => {
    const pathways = [
      ...knowledge.pathways,
      pathway("SAME GENES, NO DIRECTION", RESPONDING.slice(0, 20)),
    ];
    const network = (prediction: AnnData, control: AnnData): number | null =>
      component(
        evaluate({ prediction, reference: control, knowledge: { ...knowledge, pathways } })
          .grounding,
        "network_coherence",
      ).score;
    expect(network(right, reference)).toBeGreaterThan(5);
    expect(network(reference, right)).toBe(1);
  });

  test("links that contradict what is expected of their pathway do not count", () => {
    const query = { ...question(knowledge, "test-drug"), expected_targets: [] };
    expect(component(evaluate({ query }).grounding, "network_coherence").score).toBeGreaterThan(5);
    expect(
      component(
        evaluate({ query, prediction: reference, reference: right }).grounding,
        "network_coherence",
      ).score,
    ).toBe(1);
  });

  test("is 1 when expected genes only drift below the bounds of differential expression", () => {
    const { grounding, topGenes } = evaluate({
      prediction: cells(1, (gene) => (RESPONDING.includes(gene) ? 1.02 : 1)),
    });
    expect(topGenes).toEqual([]);
    expect(component(grounding, "target_activation").score).toBe(1);
  });

  test("takes what a literature search found", () => {
    const literature = [
      { gene: "G0", direction: "up" as const, citations: ["PMID:1"] },
      { gene: "g10", direction: null, citations: ["PMID:2", "PMID:3"] },
      { gene: "G20", direction: "down" as const, citations: ["PMID:4"] },
      { gene: "G30", direction: null, citations: [] },
      { gene: "UNMEASURED", direction: null, citations: ["PMID:5"] },
    ];
    const { grounding } = evaluate({ literature });
    expect(component(grounding, "literature_support")).toStrictEqual({
      name: "literature_support",
      score: 2.1,
      weight: 0.25,
      reason: "The literature supports 2 and contradicts 1 of 4 genes and pathways searched for.",
    });
    expect(grounding.feedback).toContain("G20 moves up, against what articles report (PMID:4).");
    expect(
      grounding.evidence.filter(({ id }) => id.startsWith("L")).map(({ supports }) => supports),
    ).toEqual([true, true, false, false]);
    const without = evaluate({
      literature: literature.filter(({ gene }) => gene !== "G20"),
    }).grounding;
    expect(component(without, "literature_support").score).toBe(5.5);
    expect(
      component(evaluate({ literature: [] }).grounding, "literature_support").score,
    ).toBeNull();
    expect(
      component(
        evaluate({ literature: { unavailable: "PubMed cannot be reached." } }).grounding,
        "literature_support",
      ),
    ).toStrictEqual({
      name: "literature_support",
      score: null,
      weight: 0,
      reason: "PubMed cannot be reached.",
    });
  });

  test("every measured component has evidence with its source, under unique ids", () => {
    const { grounding } = evaluate();
    const ids = grounding.evidence.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { name, score } of grounding.components) {
      expect(
        grounding.evidence.some((row) => row.component === name && row.source.length > 3),
      ).toBe(score !== null);
    }
  });

  test("feedback names the missing pathway and the targets that go wrong or stay still", () => {
    const wrongWay = cells(1, (gene) => (FALLING.includes(gene) ? 3 : 1));
    const { feedback } = evaluate({ prediction: wrongWay }).grounding;
    expect(feedback).toContain("Pathway R is expected up but is not enriched.");
    expect(feedback).toContain(
      "Pathway F is expected down but is enriched among the genes going up.",
    );
    expect(
      feedback.some((line) =>
        line.startsWith("These expected targets move the wrong way: G5, G35"),
      ),
    ).toBe(true);
    expect(
      feedback.some((line) =>
        /^These expected targets do not respond: G0, G10.* and 24 more\.$/.test(line),
      ),
    ).toBe(true);
  });

  test("top genes are the ones that move most, with their direction", () => {
    const { topGenes } = evaluate();
    expect(topGenes.length).toBeLessThanOrEqual(50);
    for (const { gene, is_target } of topGenes)
      expect(is_target).toBe(RESPONDING.includes(gene) || FALLING.includes(gene));
    expect(
      topGenes
        .filter(({ gene }) => RESPONDING.includes(gene))
        .every(({ direction }) => direction === "up"),
    ).toBe(true);
    expect(
      topGenes
        .filter(({ gene }) => FALLING.includes(gene))
        .every(({ direction }) => direction === "down"),
    ).toBe(true);
  });

  test("refuses predictions over other genes", () => {
    expect(() => evaluate({ reference: adataOf([[1, 2]], ["A", "B"]) })).toThrow(
      expect.objectContaining({ code: "ANNDATA_INVALID" }),
    );
  });
});

function compare(
  predictedTreated: AnnData,
  predictedReference = reference,
): ReturnType<typeof compareWithTruth> {
  return compareWithTruth({
    predictedTreated,
    predictedReference,
    truthTreated: right,
    truthControl: reference,
  });
}

describe("genes are judged among genes of like expression", () => {
  const rare = Array.from({ length: 200 }, (_, i) => i);
  const meanControl = Float64Array.from({ length: 400 }, (_, i) => (i < 200 ? 0.1 : 3) + i / 1000);
  const response = describeResponse({
    de: {
      genes: Array.from({ length: 400 }, (_, i) => `G${i}`),
      log2_fold_change: new Float64Array(400),
      p_value: new Float64Array(400),
      p_adjusted: new Float64Array(400),
      is_de: new Uint8Array(400).fill(1),
    },
    meanControl,
    meanTreated: meanControl.map(
      (mean, i) => mean + (i < 200 ? 1 : -1) * (1 + ((i * 7) % 100) / 1000),
    ),
  });
  const expectUp = (genes: readonly number[]): Expected[] =>
    genes.map((gene) => ({ gene, sign: 1 }));

  test("targets that rise because all rare genes rise do not stand out", () => {
    const targets = expectUp(rare.filter((gene) => gene % 10 === 0));
    expect(Math.abs(shiftOf(targets, response).effect)).toBeLessThan(0.1);
    expect(excessShare(targets, response)).toBeCloseTo(0, 10);
  });

  test("targets that fall where all fall count against, also beyond the background", () => {
    const targets = expectUp(Array.from({ length: 20 }, (_, i) => 200 + i * 10));
    expect(excessShare(targets, response)).toBeCloseTo(-1, 10);
  });
});

describe("comparison with the truth", () => {
  test("of the truth itself is perfect, of its reverse the opposite", () => {
    const perfect = compare(right);
    expect(perfect.pearson_delta).toBeCloseTo(1, 12);
    expect(perfect).toStrictEqual({
      pearson_delta: perfect.pearson_delta,
      spearman_delta: 1,
      top50_overlap: 1,
      direction_accuracy: 1,
    });
    const reverse = compare(reference, right);
    expect(reverse.pearson_delta).toBeCloseTo(-1, 12);
    expect(reverse).toStrictEqual({
      pearson_delta: reverse.pearson_delta,
      spearman_delta: -1,
      top50_overlap: 1,
      direction_accuracy: 0,
    });
  });

  test("of no response has no correlation", () => {
    expect(compare(reference).pearson_delta).toBeNaN();
    expect(compare(reference).direction_accuracy).toBe(0);
  });

  test("refuses other genes and empty sides", () => {
    const invalid = expect.objectContaining({ code: "ANNDATA_INVALID" });
    expect(() => compare(adataOf([[1]], ["A"]))).toThrow(invalid);
    expect(() => compare(adataOf([], GENES))).toThrow(invalid);
  });
});
