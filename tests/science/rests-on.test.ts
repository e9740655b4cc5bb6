import { expect, test } from "vitest";
import type { BasisFacts } from "../../science/report/basis.ts";
import { basisFacts, restsOn } from "../../science/report/rests-on.ts";
import { runResult } from "./report-fixtures.ts";

const query = { ...runResult().structured_query, ambiguities: [], control_strategy_fallback: null };
const FREE = { gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 };

const facts = (changes: Partial<BasisFacts> = {}): BasisFacts => ({
  structured_query: query,
  control_strategy_effective: "synthetic_control",
  atlases: [{ dataset: "kang", simulated: false }],
  iterations: [
    { iteration: 1, confidence: "normal", model: { name: "stack", is_baseline: false } },
  ],
  delivered_iteration: 1,
  usage: FREE,
  ...changes,
});

const titles = (changes?: Partial<BasisFacts>): [string, boolean][] =>
  restsOn(facts(changes)).map(({ title, caution }) => [title, caution]);
const textOf = (title: string, changes?: Partial<BasisFacts>): string | undefined =>
  restsOn(facts(changes)).find((line) => line.title === title)?.text;

test("a measured answer of a model: facts alone", () => {
  expect(titles()).toEqual([
    ["Model", false],
    ["Data", false],
    ["Control", false],
    ["Cost", false],
  ]);
});

test("the best of several prompts is told as that", () => {
  const iterations = [{ ...facts().iterations[0]!, prompts: [{}, {}, {}] }];
  expect(textOf("Prompts", { iterations })).toBe(
    "The best of 3 that iteration 1 tried side by side, by score and expected accuracy.",
  );
  const alone = [{ ...facts().iterations[0]!, prompts: [{}] }];
  expect(textOf("Prompts", { iterations: alone })).toBeUndefined();
});

test.each<[string[], string]>([
  [[], "of which the atlas has no cells"],
  [["IFN-beta"], "although the atlas has cells of it"],
])(
  "a perturbation in place of the asked one is a caution, where the atlas has %j",
  (labels, why) => {
    const perturbation = { ...query.perturbation, atlas_labels: labels };
    const iterations = [{ ...facts().iterations[0]!, stand_in: "Interferon gamma" }];
    const changes = { structured_query: { ...query, perturbation }, iterations };
    expect(titles(changes).slice(0, 2)).toEqual([
      ["Model", false],
      ["Stand-in", true],
    ]);
    expect(textOf("Stand-in", changes)).toBe(
      `Interferon gamma stands in for ${perturbation.name}, ${why}; what is predicted is the response to Interferon gamma, and how alike the two are was not measured.`,
    );
    expect(textOf("Stand-in", { ...changes, structured_query: null })).toBeUndefined();
  },
);

test("what else was done to some of the prompt cells is a caution", () => {
  const iterations = [{ ...facts().iterations[0]!, pooled: ["genotype (KO, WT)", "dox (+, -)"] }];
  expect(titles({ iterations }).slice(0, 2)).toEqual([
    ["Model", false],
    ["Pooled", true],
  ]);
  expect(textOf("Pooled", { iterations })).toBe(
    "Not the same was done to all prompt cells beside the perturbation, and they are pooled: genotype (KO, WT); dox (+, -).",
  );
});

test("a baseline and simulated data are cautions, beside the data that was measured", () => {
  const changes: Partial<BasisFacts> = {
    atlases: [
      { dataset: "sim", simulated: true },
      { dataset: "kang", simulated: false },
    ],
    iterations: [
      { iteration: 1, confidence: "lower", model: { name: "delta-transfer", is_baseline: true } },
    ],
  };
  expect(titles(changes)).toEqual([
    ["Baseline model", true],
    ["Simulated data", true],
    ["Data", false],
    ["Control", false],
    ["Lower confidence", true],
    ["Cost", false],
  ]);
  expect(textOf("Simulated data", changes)).toMatch(/^sim was made by a simulator/);
});

test("the model is that of the delivered iteration", () => {
  const iterations = [
    { iteration: 1, confidence: "normal", model: { name: "delta-transfer", is_baseline: true } },
    { iteration: 2, confidence: "normal", model: { name: "stack", is_baseline: false } },
  ] as const;
  expect(titles({ iterations, delivered_iteration: 1 })[0]).toEqual(["Baseline model", true]);
  expect(titles({ iterations, delivered_iteration: 2 })[0]).toEqual(["Model", false]);
  expect(titles({ iterations, delivered_iteration: null })[0]).toEqual(["Model", false]);
});

test("a run of an earlier release does not pass for one of a model", () => {
  const iterations = [{ iteration: 1, confidence: "normal" }] as const;
  expect(titles({ iterations })[0]).toEqual(["Model", true]);
});

test("ambiguities, and what was stated and chose nothing", () => {
  const structured_query = {
    ...query,
    dose: "10 ng/mL",
    not_used: ["dose" as const],
    ambiguities: [
      { field: "cell_type" as const, text: "B", chosen: "B cell", alternatives: ["B lymphoma"] },
    ],
  };
  expect(textOf("Ambiguous", { structured_query })).toBe(
    "“B” (cell type) was taken as B cell; it could also mean B lymphoma.",
  );
  expect(textOf("Not used", { structured_query })).toMatch(/^“10 ng\/mL” \(dose\) chose no cells/);
});

test("a control strategy that was not the wanted one", () => {
  const changes: Partial<BasisFacts> = {
    control_strategy_effective: "query_as_control",
    structured_query: {
      ...query,
      control_strategy_fallback: {
        requested: "synthetic_control",
        effective: "query_as_control",
        reason: "There are no controls.",
      },
    },
  };
  expect(titles(changes)).toContainEqual(["Control", true]);
  expect(textOf("Control", changes)).toMatch(/synthetic_control was asked for\. There are no/);
});

test("a language model that decided nothing is told once, with all that it did not decide", () => {
  const problem = "MODEL_UNAVAILABLE: It answers 404.";
  const lines = restsOn(
    facts({
      structured_query: { ...query, model_problem: problem },
      iterations: [1, 2].map((iteration) => ({
        iteration,
        confidence: "normal",
        model: { name: "stack", is_baseline: false },
        model_problems: [
          { role: "likeness", problem },
          { role: "prompt", problem },
          { role: "judgement", problem },
        ],
      })),
    }),
  ).filter(({ title }) => title === "Language model");
  expect(lines).toEqual([
    {
      title: "Language model",
      caution: true,
      text: "One is configured and did not decide everything: rules read the question, names were compared by their letters, the ranking chose the prompt cells and the score has no second opinion (MODEL_UNAVAILABLE: It answers 404).",
    },
  ]);
});

test("what it cost, to fractions of a cent", () => {
  expect(textOf("Cost")).toBe("No GPU was used.");
  const usage = { gpu_seconds: 90, gpu_cost_usd: 0.0042, llm_tokens: 1234, llm_cost_usd: 1.5 };
  expect(textOf("Cost", { usage })).toBe(
    "2 min of GPU, 0.0042 USD; language model 1,234 tokens, 1.50 USD.",
  );
});

test("a delivered result and the document of its run say the same", () => {
  const result = runResult();
  const problem = "MODEL_UNAVAILABLE: It answers 404.";
  const [first, ...rest] = result.iterations;
  const told = restsOn(
    basisFacts({
      ...result,
      iterations: [{ ...first!, plan: { ...first!.plan, model_problem: problem } }, ...rest],
    }),
  );
  const model_problems = [{ role: "prompt" as const, problem }];
  expect(told).toEqual(
    restsOn({
      ...result,
      atlases: result.atlas,
      iterations: result.iterations.map(({ iteration, grounding }, index) => ({
        iteration,
        model: result.model,
        confidence: grounding.confidence,
        ...(index === 0 ? { model_problems } : {}),
      })),
    }),
  );
  expect(told.map(({ title }) => title)).toContain("Language model");
});
