import { beforeAll, expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { compareWithTruth } from "../../science/grounding/compare-with-truth.ts";
import { evaluateResponse } from "../../science/grounding/evaluate.ts";
import { deltaTransfer } from "../../science/inference/delta-transfer.ts";
import type { Knowledge } from "../../science/knowledge/knowledge.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { pearson, spearman } from "../../science/statistics/correlation.ts";
import { compareExpression } from "../../science/statistics/differential-expression.ts";
import { meanProfile } from "../../science/statistics/normalise.ts";
import { KANG, describeWithData } from "../support/data.ts";
import { KANG_CELL_TYPES, readKang, selectCells, takeCells } from "../support/kang.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import { distort, permutation, question, relabelGenes, withhold } from "./grounding-fixtures.ts";
import type { WithheldCellType } from "./grounding-fixtures.ts";

const SEEDS = [1, 2, 3];
const UNRELATED = ["tgf-beta1", "dexamethasone", "il-4", "egf", "cisplatin"];

describeWithData("grounding score on measured cells", () => {
  const knowledge: Knowledge = loadKnowledge();
  let kang: AnnData;
  const cases = new Map<string, WithheldCellType>();
  beforeAll(async () => {
    kang = await readKang();
    for (const cellType of KANG_CELL_TYPES) cases.set(cellType, withhold(kang, cellType));
  });

  const score = (
    prediction: AnnData,
    reference: AnnData,
    seed = 1,
    perturbation = "ifn-beta",
  ): number =>
    evaluateResponse(compareExpression(prediction, reference), {
      query: question(knowledge, perturbation),
      knowledge,
      controlStrategyEffective: "synthetic_control",
      seed,
    }).grounding.score;

  test.each(KANG_CELL_TYPES)(
    "%s: true predictions score at least 7, and the measured response too",
    (cellType) => {
      const { prediction, reference, truth, query } = cases.get(cellType)!;
      for (const seed of SEEDS)
        expect(score(prediction, reference, seed)).toBeGreaterThanOrEqual(7);
      expect(score(truth, query)).toBeGreaterThanOrEqual(7);
    },
  );

  test.each(KANG_CELL_TYPES)(
    "%s: shuffled, reversed and absent responses score at most 4",
    (cellType) => {
      const { prediction, reference, query, controlPrompt } = cases.get(cellType)!;
      const genes = reference.X.nCols;
      const identity = permutation(genes, 0).toSorted((a, b) => a - b);
      const wrong: Record<string, (seed: number) => [AnnData, AnnData]> = {
        "response given to other genes": (seed) => [
          distort(prediction, reference, permutation(genes, seed), 1),
          reference,
        ],
        "genes of the prediction renamed": (seed) => [
          relabelGenes(prediction, permutation(genes, seed)),
          reference,
        ],
        "genes of both renamed": (seed) => [
          relabelGenes(prediction, permutation(genes, seed)),
          relabelGenes(reference, permutation(genes, seed)),
        ],
        "response reversed": () => [distort(prediction, reference, identity, -1), reference],
        "prediction and reference swapped": () => [reference, prediction],
        "controls as prompt": () => [reference, reference],
        "controls as prompt, against the query": () => [reference, query],
        "other controls as prompt": (seed) => {
          const order = permutation(controlPrompt.X.nRows, seed);
          const half = order.length >> 1;
          return [
            deltaTransfer(takeCells(controlPrompt, order.slice(0, half)), query),
            deltaTransfer(takeCells(controlPrompt, order.slice(half)), query),
          ];
        },
      };
      const scores = Object.entries(wrong).flatMap(([name, make]) =>
        SEEDS.map((seed) => ({ name, seed, score: score(...make(seed), seed) })),
      );
      expect(scores.filter((one) => one.score > 4)).toEqual([]);
    },
  );

  test.each(KANG_CELL_TYPES)(
    "%s: another perturbation's question scores lower than the right one",
    (cellType) => {
      const { prediction, reference } = cases.get(cellType)!;
      const right = score(prediction, reference);
      const others = UNRELATED.map((id) => ({ id, score: score(prediction, reference, 1, id) }));
      expect(others.filter((one) => one.score > 5 || one.score > right - 3)).toEqual([]);
    },
  );

  test.each(KANG_CELL_TYPES)("%s: 20 seeds stay within one point", (cellType) => {
    const { prediction, reference } = cases.get(cellType)!;
    const scores = Array.from({ length: 20 }, (_, seed) => score(prediction, reference, seed));
    expect(Math.max(...scores) - Math.min(...scores)).toBeLessThanOrEqual(1);
  });

  test("ranks predictions as their agreement with the truth does, and tells right from wrong", () => {
    const right: number[] = [];
    const wrong: number[] = [];
    const scores: number[] = [];
    const agreements: number[] = [];
    for (const cellType of KANG_CELL_TYPES) {
      const { prediction, reference, truth, query } = cases.get(cellType)!;
      const add = (predicted: AnnData, control: AnnData): number => {
        const { pearson_delta: agreement } = compareWithTruth({
          predictedTreated: predicted,
          predictedReference: control,
          truthTreated: truth,
          truthControl: query,
        });
        scores.push(score(predicted, control));
        agreements.push(Number.isNaN(agreement) ? 0 : agreement);
        return scores.at(-1)!;
      };
      right.push(add(prediction, reference));
      for (const other of KANG_CELL_TYPES.filter((name) => name !== cellType)) {
        const from = (treated: boolean): AnnData =>
          deltaTransfer(
            selectCells(kang, (cell) => cell.cellType === other && cell.treated === treated),
            query,
          );
        right.push(add(from(true), from(false)));
      }
      const genes = reference.X.nCols;
      for (const share of [0.25, 0.5, 0.75])
        add(distort(prediction, reference, partlyShuffled(genes, share), 1), reference);
      for (const seed of SEEDS)
        wrong.push(add(distort(prediction, reference, permutation(genes, seed), 1), reference));
      wrong.push(add(reference, prediction), add(reference, reference));
    }
    const wins = right.flatMap((a) => wrong.map((b) => (a > b ? 1 : a === b ? 0.5 : 0) as number));
    expect(wins.reduce((sum, win) => sum + win, 0) / wins.length).toBeGreaterThanOrEqual(0.95);
    expect(spearman(scores, agreements)).toBeGreaterThanOrEqual(0.7);
  });

  test("the mean of the other types' deltas agrees with the truth as the reference figure says", () => {
    const others = KANG_CELL_TYPES.filter((name) => name !== "CD4 T cells").map((name) =>
      measuredDelta(kang, name),
    );
    const mean = others[0]!.map(
      (_, gene) => others.reduce((sum, one) => sum + one[gene]!, 0) / others.length,
    );
    expect(pearson(mean, measuredDelta(kang, "CD4 T cells"))).toBeCloseTo(0.8286925340998647, 5);
  });

  describeWithPython("agreement with the truth", () => {
    test("is the Pearson correlation of deltas of mean profiles", async () => {
      const { prediction, reference, truth, query } = cases.get("CD4 T cells")!;
      const predicted = meanProfile(prediction.X);
      const control = meanProfile(reference.X);
      const expected = await runPython<number>(
        `
import json, sys
import anndata as ad, numpy as np
path, predicted = json.loads(sys.argv[1])
a = ad.read_h5ad(path)
a = a[a.obs.cell_type == "CD4 T cells"]
counts = a.X.toarray()
log = np.log1p(counts / counts.sum(1, keepdims=True) * 1e4)
treated = (a.obs.perturbation == "IFN-beta").to_numpy()
print(json.dumps(float(np.corrcoef(predicted, log[treated].mean(0) - log[~treated].mean(0))[0, 1])))`,
        [KANG, Array.from(predicted, (mean, gene) => mean - control[gene]!)],
      );
      const { pearson_delta: actual } = compareWithTruth({
        predictedTreated: prediction,
        predictedReference: reference,
        truthTreated: truth,
        truthControl: query,
      });
      expect(actual).toBeCloseTo(expected, 5);
    });
  });
});

function measuredDelta(kang: AnnData, cellType: string): Float64Array {
  const control = meanProfile(
    selectCells(kang, (cell) => cell.cellType === cellType && !cell.treated).X,
  );
  return meanProfile(selectCells(kang, (cell) => cell.cellType === cellType && cell.treated).X).map(
    (mean, gene) => mean - control[gene]!,
  );
}

/** A permutation that moves only `share` of the genes. */
function partlyShuffled(genes: number, share: number): number[] {
  const chosen = permutation(genes, 5)
    .slice(0, Math.round(genes * share))
    .toSorted((a, b) => a - b);
  const shuffled = permutation(chosen.length, 3);
  const order = Array.from({ length: genes }, (_, gene) => gene);
  chosen.forEach((gene, i) => {
    order[gene] = chosen[shuffled[i]!]!;
  });
  return order;
}
