import { describe, expect, test } from "vitest";
import type { PlausibilityScale } from "../../science/accuracy/accuracy-schema.ts";
import type { GroundingComponent, GroundingScore } from "../../science/grounding/grounding.ts";
import { meaningOf, scaleSentence } from "../../science/grounding/meaning.ts";
import { calibrateScore, readAgainst, scaleOf } from "../../science/grounding/measured-scale.ts";

const NONSENSE = Array.from({ length: 20 }, (_, i) => 1 + i / 40);

function known(scale: PlausibilityScale): Extract<PlausibilityScale, { known: true }> {
  if (!scale.known) throw new Error(scale.reason);
  return scale;
}

const component = (
  name: GroundingComponent["name"],
  score: number | null,
  weight: number,
): GroundingComponent => ({ name, score, weight, reason: "" });

const grounding = (...components: GroundingComponent[]): GroundingScore => ({
  score: Math.round(components.reduce((sum, { score, weight }) => sum + (score ?? 0) * weight, 0)),
  components,
  evidence: [],
  feedback: [],
  confidence: "normal",
});

describe("the scale of measured responses", () => {
  test("has its least at the lower end of the prediction interval", () => {
    // mean 8, sd 1; t(2) at 95% 2.920; sqrt(1 + 1/3)
    const scale = known(scaleOf([7, 8, 9], NONSENSE));
    expect(scale.usual).toBe(8);
    expect(scale.least).toBeCloseTo(8 - 2.92 * Math.sqrt(4 / 3), 10);
    expect(scale.apart).toBe(true);
  });

  test("begins above nonsense where measured responses scatter down to it", () => {
    const scale = known(scaleOf([5.1, 4.5, 3.3, 2.5], NONSENSE));
    expect(scale).toMatchObject({ apart: false, least: 1.45125, nonsense: 1.2375 });
  });

  test.each([
    [[], /no measured responses/],
    [[5], /1 measured response /],
    [[5, 6], /2 measured responses .* takes 3/],
    [[1.2, 1.3, 1.25], /no higher than nonsense/],
  ])("is not known from %j", (measured, reason) => {
    expect(scaleOf(measured, NONSENSE)).toEqual({
      known: false,
      reason: expect.stringMatching(reason),
    });
  });

  test("rises with the raw score, from 1 for nonsense by 9 to 10", () => {
    const scale = known(scaleOf([6, 8, 9, 9], NONSENSE));
    const at = (raw: number) => readAgainst(raw, scale);
    expect([1, scale.nonsense, scale.least, scale.usual, 10].map(at)).toEqual([1, 1, 9, 10, 10]);
    const all = Array.from({ length: 91 }, (_, i) => at(1 + i / 10));
    expect(all).toEqual(all.toSorted((a, b) => a - b));
  });

  test("puts no measured response more than a point below anything", () => {
    for (const measured of [
      [5.1, 4.5, 3.3, 2.5],
      [2.2, 2.5, 3.3, 4.5],
      [9.4, 9.8, 10, 8.2],
    ]) {
      const scale = known(scaleOf(measured, NONSENSE));
      for (const raw of measured)
        expect(readAgainst(10, scale) - readAgainst(raw, scale)).toBeLessThanOrEqual(1);
    }
  });
});

describe("a score read against it", () => {
  const SCALE = scaleOf([4, 4.2, 4.4, 4.6], NONSENSE);

  test("keeps the raw score beside it, and says what both are", () => {
    const raw = grounding(
      component("pathway_coherence", 4, 0.5),
      component("target_activation", 5, 0.5),
    );
    const read = calibrateScore(raw, SCALE);
    expect(read).toMatchObject({ score: 10, raw_score: 5, scale: SCALE, confidence: "normal" });
    expect(meaningOf(read, true)).toBe(
      "agrees in part with what is known, as measured responses to the perturbation in other cells do, and is as plausible as they are",
    );
    expect(scaleSentence(read)).toBe(
      "The raw score is 5; measured responses to the perturbation in other cells get 4.0 to 4.6, and read against them it is 10.",
    );
  });

  test("stays low for nonsense", () => {
    const read = calibrateScore(grounding(component("target_activation", 1.2, 1)), SCALE);
    expect(read.score).toBe(1);
    expect(meaningOf(read, true)).toContain("far less plausible than measured responses");
  });

  test("is the raw one where there is no scale, with the reason", () => {
    const read = calibrateScore(
      grounding(component("target_activation", 6, 1)),
      scaleOf([5], NONSENSE),
    );
    expect(read).toMatchObject({ score: 6, raw_score: 6 });
    expect(scaleSentence(read)).toMatch(/^It is the raw score\. The atlas holds 1 measured/);
  });

  test("is that of an unmeasurable response where nothing can be measured", () => {
    const read = calibrateScore(
      { ...grounding(component("target_activation", null, 0)), score: 1 },
      SCALE,
    );
    expect(read.score).toBe(1);
  });

  test("counts the literature, which measured responses lack, with its own weight", () => {
    const read = calibrateScore(
      grounding(
        component("target_activation", 4.3, 0.75),
        component("literature_support", 1, 0.25),
      ),
      SCALE,
    );
    expect(read.score).toBe(Math.round(0.75 * 10 + 0.25));
  });

  test("is trusted less where measured responses scatter down to nonsense", () => {
    const read = calibrateScore(
      grounding(component("target_activation", 4, 1)),
      scaleOf([5.1, 4.5, 3.3, 2.5], NONSENSE),
    );
    expect(read.confidence).toBe("lower");
    expect(read.evidence).toMatchObject([
      { id: "C1", silent: true, statement: expect.stringContaining("from 2.5 to 5.1") },
    ]);
  });
});
