import { expect, test } from "vitest";
import type { ModelScores } from "../../science/grounding/grounding.ts";
import { differential, runResult, reportHtml } from "../science/report-fixtures.ts";

function reportWith(beside: {
  readonly model_scores?: ModelScores;
  readonly model_problem?: string;
}): Promise<string> {
  const result = runResult();
  return reportHtml(
    {
      ...result,
      iterations: result.iterations.map((iteration) => ({
        ...iteration,
        grounding: { ...iteration.grounding, ...beside },
      })),
    },
    differential(),
  );
}

test("the report points out where a language model's score is more than three points away, and only there", async () => {
  const { iterations, delivered_iteration } = runResult();
  const components = iterations.find(({ iteration }) => iteration === delivered_iteration)!
    .grounding.components;
  const computed = (name: string): number =>
    components.find((component) => component.name === name)?.score ?? 0;
  const report = await reportWith({
    model_scores: {
      model: "some-model",
      components: [
        {
          name: "target_activation",
          score: 1,
          cited: ["E1"],
          reason: "<b>Too</b> few targets move.",
        },
        {
          name: "pathway_coherence",
          score: Math.round(computed("pathway_coherence")),
          cited: ["E2"],
          reason: "It is enriched.",
        },
      ],
    },
  });
  expect(computed("target_activation")).toBeGreaterThan(4);
  expect(report.match(/Disagreement:/g)).toHaveLength(1);
  expect(report).toMatch(
    /Target activation is 7\.5 by the rules and 1 by the language model, which cites E1: &lt;b&gt;Too/,
  );
  expect(report).toContain("some-model");
  expect(report).not.toContain("It is enriched.");
});

test("the report says when a language model gave no scores, and nothing when none was asked", async () => {
  expect(await reportWith({ model_problem: "MODEL_REFUSED: it refused." })).toContain(
    "gave none (MODEL_REFUSED: it refused.)",
  );
  expect(await reportWith({})).not.toMatch(/gave none|did not decide/);
});

test("the report says where a language model was asked to read the question or to choose the prompt, and did not", async () => {
  const result = runResult();
  const report = await reportHtml(
    {
      ...result,
      structured_query: {
        ...result.structured_query,
        model_problem: "MODEL_LIMIT: <b>too dear</b>.",
      },
      iterations: result.iterations.map((iteration) => ({
        ...iteration,
        plan: {
          ...iteration.plan,
          model_problem: "MODEL_UNAVAILABLE: it is away.",
          embedding_problem: "MODEL_LIMIT: <i>spent</i>.",
        },
      })),
    },
    differential(),
  );
  expect(report).toContain(
    "a language model was asked and gave no reading (MODEL_LIMIT: &lt;b&gt;too dear&lt;/b&gt;.)",
  );
  expect(
    report.match(/asked to choose the prompt and did not \(MODEL_UNAVAILABLE: it is away\.\)/g),
  ).toHaveLength(result.iterations.length);
  expect(report).toContain(
    "compared by their letters, not by embeddings (MODEL_LIMIT: &lt;i&gt;spent&lt;/i&gt;.)",
  );
});

test("articles are linked by their PubMed ids; everything else of a source is text; silence is no contradiction", async () => {
  const result = runResult();
  const row = { component: "literature_support" as const, statement: "A statement." };
  const evidence = [
    { ...row, id: "L1", supports: true, source: "PMID:12345, PMID:678" },
    {
      ...row,
      id: "L2",
      supports: false,
      silent: true as const,
      source: 'search <img src="x"> without a hit',
    },
  ];
  const report = await reportHtml(
    {
      ...result,
      iterations: result.iterations.map((iteration) => ({
        ...iteration,
        grounding: { ...iteration.grounding, evidence },
      })),
    },
    differential(),
  );
  expect(report).toContain(
    '<a href="https://pubmed.ncbi.nlm.nih.gov/12345/" rel="noopener noreferrer">PMID:12345</a>, <a href="https://pubmed.ncbi.nlm.nih.gov/678/"',
  );
  expect(report).not.toContain("<img");
  expect(report).toContain("– neither");
  expect(report).not.toContain("✗ contradicts");
});

test("lower confidence is explained by what lowers it", async () => {
  const result = runResult();
  const doubt = {
    id: "C1",
    component: "target_activation" as const,
    statement: "Only 9 prompt cells were shown.",
    supports: false,
    source: "noise",
  };
  const weak = {
    ...result,
    iterations: result.iterations.map((iteration) => ({
      ...iteration,
      grounding: {
        ...iteration.grounding,
        confidence: "lower" as const,
        evidence: [...iteration.grounding.evidence, doubt],
      },
    })),
  };
  expect(await reportHtml(weak, differential())).toContain(
    "<b>Lower confidence.</b> Only 9 prompt cells were shown.",
  );
});
