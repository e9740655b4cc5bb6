import { describe, expect, test } from "vitest";
import { excessShare, shiftOf } from "../../science/grounding/expectation.ts";
import type { EnrichedPathway } from "../../science/grounding/grounding.ts";
import { literatureSupport } from "../../science/grounding/literature-support.ts";
import { pathwayCoherence } from "../../science/grounding/pathway-coherence.ts";
import { describeResponse, type Response } from "../../science/grounding/response.ts";
import { targetActivation } from "../../science/grounding/target-activation.ts";
import type { Direction } from "../../science/query/structured-query.ts";

/** Genes in order of their response: from `first` on they are up, the first of all is down most. */
function responseOf(genes: readonly string[], isDe: (gene: number) => boolean): Response {
  const meanControl = Float64Array.from(genes, () => 1);
  return describeResponse({
    de: {
      genes,
      log2_fold_change: new Float64Array(genes.length),
      p_value: new Float64Array(genes.length),
      p_adjusted: new Float64Array(genes.length),
      is_de: Uint8Array.from(genes, (_, i) => (isDe(i) ? 1 : 0)),
    },
    meanControl,
    meanTreated: meanControl.map((mean, i) => mean + (i - genes.length / 2) / genes.length),
  });
}

const GENES = Array.from({ length: 40 }, (_, i) => `G${i}`);
const expecting = (genes: readonly string[], direction: Direction = "up") =>
  genes.map((gene) => ({ gene, direction, source: "s" }));

test("of equal symbols the one that is expressed most is judged", () => {
  const meanControl = Float64Array.of(1, 5, 3);
  const { position } = describeResponse({
    de: {
      genes: ["A", "a", "A_ENSG01"],
      log2_fold_change: new Float64Array(3),
      p_value: new Float64Array(3),
      p_adjusted: new Float64Array(3),
      is_de: new Uint8Array(3),
    },
    meanControl,
    meanTreated: meanControl,
  });
  expect(position).toEqual(new Map([["A", 1]]));
});

describe("targets", () => {
  const response = responseOf(GENES, (gene) => gene >= 30);

  test("named twice count once", () => {
    const twice = targetActivation(expecting(["G39", "g39", "G38", "G10"]), response);
    expect(twice).toEqual(targetActivation(expecting(["G39", "G38", "G10"]), response));
    expect(twice.evidence.map(({ id }) => id)).toEqual(["T1", "T2", "T3"]);
    expect(targetActivation(expecting(["G39", "g39", "G38"]), response).strength).toBeNull();
  });

  test("are tested on the side that is expected: the p of a normal score of 1.96 is 0.025", () => {
    const targets = ["G33", "G25", "G20", "G14"];
    const { strength } = targetActivation(expecting(targets), response);
    const expected = targets.map((gene) => ({ gene: GENES.indexOf(gene), sign: 1 as const }));
    const { effect, z } = shiftOf(expected, response);
    // Upper tail of the standard normal by its integral.
    const step = 1e-4;
    let tail = 0;
    for (let x = z + step / 2; x < 12; x += step)
      tail += (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * step;
    expect(strength).toBeCloseTo(
      (-Math.log10(tail) / 3) *
        ((effect + Math.max(0, excessShare(expected, response))) / 2 / 0.75),
      6,
    );
    expect(strength).toBeGreaterThan(0);
  });

  test("do not count as their own background", () => {
    const up = responseOf(GENES, (gene) => gene >= 36);
    const expected = [36, 37, 38, 39].map((gene) => ({ gene, sign: 1 as const }));
    expect(excessShare(expected, up)).toBe(1);
  });
});

const row = (direction: Direction, p_adjusted: number, id = "P"): EnrichedPathway => ({
  id,
  name: `Pathway ${id}`,
  direction,
  overlap: 5,
  pathway_size: 10,
  p_adjusted,
  genes: [],
  source: "s",
});

test("a pathway that articles report goes the way in which it is enriched most", () => {
  const strengthOf = (direction: Direction, enriched: readonly EnrichedPathway[]) =>
    literatureSupport(
      [{ gene: "Pathway P", kind: "pathway", direction, citations: ["PMID:1"] }],
      responseOf(GENES, () => false),
      enriched,
    ).evidence[0]?.supports;
  const both = [row("up", 0.04), row("down", 1e-6)];
  expect(strengthOf("down", both)).toBe(true);
  expect(strengthOf("up", both)).toBe(false);
  expect(strengthOf("down", both.toReversed())).toBe(true);
  expect(strengthOf("up", [row("up", 0.05)])).toBe(false);
});

test("a pathway that is enriched the other way too counts by what is left, and not at all when that is more", () => {
  const response = responseOf(GENES, (gene) => gene >= 30);
  const pathways = [{ id: "P", name: "Pathway P", genes: GENES.slice(30), source: "s" }];
  const expected = [{ id: "P", name: "Pathway P", direction: "up" as const, source: "s" }];
  const strengthOf = (...enriched: readonly EnrichedPathway[]) =>
    pathwayCoherence(expected, pathways, enriched, response).strength;
  expect(strengthOf(row("up", 1e-2))).toBeCloseTo(0.5, 10);
  expect(strengthOf(row("up", 1e-4))).toBeCloseTo(1, 10);
  expect(strengthOf(row("up", 1e-4), row("down", 1e-3))).toBeCloseTo(0.25, 10);
  expect(strengthOf(row("up", 1e-3), row("down", 1e-4))).toBe(0);
  expect(strengthOf()).toBe(0);
});
