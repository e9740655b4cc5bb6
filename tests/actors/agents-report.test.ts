import { expect, test } from "vitest";
import type { ModelScores } from "../../science/grounding/grounding.ts";
import { renderReport } from "../../science/report/report.ts";
import { differential, runResult } from "../science/report-fixtures.ts";

function reportWith(beside: { readonly model_scores?: ModelScores; readonly model_problem?: string }): Promise<string> {
  const result = runResult();
  return renderReport({ ...result, iterations: result.iterations.map((iteration) => ({ ...iteration, grounding: { ...iteration.grounding, ...beside } })) }, differential());
}

test("the report points out where a language model's score is more than three points away, and only there", async () => {
  const { iterations, delivered_iteration } = runResult();
  const components = iterations.find(({ iteration }) => iteration === delivered_iteration)!.grounding.components;
  const computed = (name: string): number => components.find((component) => component.name === name)?.score ?? 0;
  const report = await reportWith({
    model_scores: {
      model: "some-model",
      components: [
        { name: "target_activation", score: 1, cited: ["E1"], reason: "<b>Too</b> few targets move." },
        { name: "pathway_coherence", score: Math.round(computed("pathway_coherence")), cited: ["E2"], reason: "It is enriched." },
      ],
    },
  });
  expect(computed("target_activation")).toBeGreaterThan(4);
  expect(report.match(/Disagreement:/g)).toHaveLength(1);
  expect(report).toMatch(/Target activation is 7\.5 by the rules and 1 by the language model, which cites E1: &lt;b&gt;Too/);
  expect(report).toContain("some-model");
  expect(report).not.toContain("It is enriched.");
});

test("the report says when a language model gave no scores, and nothing when none was asked", async () => {
  expect(await reportWith({ model_problem: "MODEL_REFUSED: it refused." })).toContain("gave none (MODEL_REFUSED: it refused.)");
  expect(await reportWith({})).not.toContain("language model");
});
