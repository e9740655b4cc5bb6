import { describe, expect, test } from "vitest";
import { evaluateResponse } from "../../science/grounding/evaluate.ts";
import { enrichment } from "../../science/statistics/enrichment.ts";
import type { DifferentialExpression } from "../../science/grounding/grounding.ts";
import { meaningOf } from "../../science/grounding/meaning.ts";
import type { Knowledge } from "../../science/knowledge/knowledge.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import type { PromptCandidate } from "../../science/prompting/prompt-plan.ts";
import { answerInWords } from "../../science/report/answer.ts";
import { renderMail } from "../../science/report/mail-text.ts";
import { readingSentence } from "../../science/report/reading.ts";
import { verdict } from "../../science/report/wording.ts";
import { adataOf } from "../support/kang.ts";
import { differential, QUERY, runResult, reportHtml } from "./report-fixtures.ts";

/** What each kind of end says, in every place that says it. */

const N_GENES = 1_000;
const TARGETS = Array.from({ length: 33 }, (_, i) => `T${i}`);
const PATHWAY = {
  id: "R-1",
  name: "Expected pathway",
  genes: TARGETS.slice(0, 20),
  source: "test",
};
const KNOWLEDGE: Knowledge = {
  cellTypes: [],
  perturbations: [],
  pathways: [
    PATHWAY,
    ...Array.from({ length: 10 }, (_, k) => ({
      id: `R-${k + 2}`,
      name: `Pathway ${k + 2}`,
      genes: [
        ...TARGETS.slice(3 * k, 3 * k + 3),
        ...Array.from({ length: 20 }, (_unused, i) => `G${20 * k + i}`),
      ],
      source: "test",
    })),
  ],
};
const EXPECTING: StructuredQuery = {
  ...QUERY,
  expected_targets: TARGETS.map((gene) => ({ gene, direction: "up", source: "test" })),
  expected_pathways: [{ id: "R-1", name: PATHWAY.name, direction: "up", source: "test" }],
};
const NOTHING_EXPECTED: StructuredQuery = {
  ...QUERY,
  expected_targets: [],
  expected_pathways: [],
  perturbation: { ...QUERY.perturbation, targets: [] },
};

interface End {
  readonly name: string;
  /** How many targets move, and where; genes named otherwise stay, but `others` of them go up. */
  readonly up: number;
  readonly down: number;
  readonly others: number;
  readonly query?: StructuredQuery;
  readonly knowledge?: Knowledge;
  /** Targets that the data measure. */
  readonly measured?: number;
  /** All genes move by chance, and none counts as changed. */
  readonly significant?: number;
  readonly says: RegExp;
  readonly never: RegExp;
  readonly confidence: "normal" | "lower";
}

const ENDS: readonly End[] = [
  {
    name: "strong",
    up: 30,
    down: 0,
    others: 5,
    says: /agrees (closely|well) with what is known/,
    never: /disagrees|contradicts/,
    confidence: "normal",
  },
  {
    name: "weak",
    up: 5,
    down: 0,
    others: 30,
    says: /shows hardly anything of what is known|agrees little with what is known/,
    never: /disagrees|contradicts/,
    confidence: "normal",
  },
  {
    name: "null",
    up: 0,
    down: 0,
    others: 0,
    says: /changes no gene, so it shows nothing of what is known/,
    never: /disagrees|contradicts|most enriched/,
    confidence: "normal",
  },
  {
    name: "nothing counts although p values are small",
    up: 0,
    down: 0,
    others: 0,
    significant: 220,
    says: /No gene counts as changed: 220 genes have an adjusted p below 0\.05/,
    never: /equals its reference|disagrees|contradicts/,
    confidence: "normal",
  },
  {
    name: "reversed",
    up: 0,
    down: 30,
    others: 5,
    says: /disagrees with what is known/,
    never: /agrees (closely|well|in part|little)/,
    confidence: "normal",
  },
  {
    name: "unmeasurable",
    up: 0,
    down: 0,
    others: 40,
    query: NOTHING_EXPECTED,
    knowledge: { ...KNOWLEDGE, pathways: [] },
    says: /could not be held against what is known, as no component of the score could be measured/,
    never: /disagrees|contradicts|1\/10|1 of 10|below the run's threshold/,
    confidence: "lower",
  },
  {
    name: "one component only, of the perturbation nothing",
    up: 0,
    down: 0,
    others: 40,
    query: NOTHING_EXPECTED,
    says: /coherent.*; nothing that is known of this perturbation could be measured/,
    never: /agrees|contradicts/,
    confidence: "lower",
  },
  {
    name: "few of the expected genes measured",
    up: 4,
    down: 0,
    others: 0,
    measured: 4,
    says: /Of 33 genes expected to respond 4 are measured, so confidence is lower/,
    never: /disagrees|contradicts/,
    confidence: "lower",
  },
];

function judged({ up, down, others, measured = 33, significant = 0, ...given }: End) {
  const genes = [
    ...TARGETS.slice(0, measured),
    ...Array.from({ length: N_GENES - measured }, (_, i) => `G${i}`),
  ];
  const delta = genes.map((gene, i) => {
    if (gene.startsWith("T")) {
      if (i < up) return 1;
      return i < up + down ? -1 : 0;
    }
    if (i - measured < others) return 0.8;
    return significant > 0 ? 0.01 * Math.sin(i) : 0;
  });
  const changes = delta.map((value) => Math.abs(value) > 0.5);
  const de: DifferentialExpression = {
    genes,
    log2_fold_change: Float64Array.from(delta),
    p_value: Float64Array.from(changes, (is, i) => (is || i < significant ? 1e-6 : 0.5)),
    p_adjusted: Float64Array.from(changes, (is, i) => (is || i < significant ? 1e-4 : 1)),
    is_de: Uint8Array.from(changes, Number),
  };
  const meanControl = Float64Array.from(genes, (_, i) => 2 + (i % 7) / 7);
  const query = given.query ?? EXPECTING;
  const evaluation = evaluateResponse(
    { de, meanControl, meanTreated: meanControl.map((mean, i) => mean + delta[i]!) },
    {
      query,
      knowledge: given.knowledge ?? KNOWLEDGE,
      controlStrategyEffective: "synthetic_control",
      seed: 1,
    },
  );
  const enriched = enrichment(de, (given.knowledge ?? KNOWLEDGE).pathways);
  return { de, query, evaluation, enriched };
}

describe.each(ENDS)("an end that is $name", (end) => {
  const { de, query, evaluation, enriched } = judged(end);
  const { grounding, topGenes } = evaluation;
  const base = runResult();
  const result = runResult({
    structured_query: query,
    final_score: grounding.score,
    iterations: base.iterations.map((iteration) => ({
      ...iteration,
      grounding,
      top_genes: topGenes,
      enriched,
    })),
  });
  const answer = answerInWords(result, de);
  const said = [...answer.sentences, ...answer.warnings.map(({ text }) => text)].join(" ");
  const meaning = meaningOf(grounding, topGenes.length > 0);

  test("has the confidence that its evidence allows", () => {
    expect(grounding.confidence).toBe(end.confidence);
  });

  test("says so in answer, report and mail, and nothing that it is not", async () => {
    const report = (await reportHtml(result, de)).replaceAll("&#39;", "'");
    const mail = renderMail("run_completed", {
      run_id: "r",
      query: result.query,
      final_score: grounding.score,
      verdict: meaning,
      is_judged: grounding.components.some(({ score }) => score !== null),
      termination_reason: "plateau",
      error_message: null,
      output_anndata_path: null,
      output_report_path: null,
      output_log_path: null,
      rests_on: [],
    });
    expect(`${said} ${grounding.feedback.join(" ")}`).toMatch(end.says);
    expect(report).toMatch(end.says);
    expect(said).toContain(meaning);
    expect(mail.text).toContain(meaning);
    for (const text of [said, mail.text, mail.subject]) expect(text).not.toMatch(end.never);
    for (const row of grounding.evidence)
      if (/does not change|no gene|not enriched/.test(row.statement))
        expect(verdict(row)).toBe("– neither");
  });

  test("calls only pathways enriched that pass 0.05", () => {
    const first = enriched.find(({ p_adjusted }) => p_adjusted < 0.05);
    if (first === undefined) expect(said).toContain("no pathway is enriched among them.");
    else expect(said).toContain(`the most enriched pathway is ${first.name}`);
  });
});

test("a pathway that is not significant is never the most enriched", () => {
  const { de, enriched } = judged(ENDS[0]!);
  const base = runResult();
  const iterations = base.iterations.map((iteration) => ({
    ...iteration,
    enriched: enriched.map((row) => ({ ...row, p_adjusted: 1 })),
  }));
  const { sentences } = answerInWords(runResult({ iterations }), de);
  expect(sentences.join(" ")).toContain("no pathway is enriched among them.");
});

test("under query_as_control the query cells are no measure of fidelity", () => {
  const { query } = judged(ENDS[0]!);
  const flat = Float64Array.from({ length: N_GENES }, () => 1);
  const { grounding } = evaluateResponse(
    {
      de: judged(ENDS[0]!).de,
      meanControl: flat,
      meanTreated: flat,
      meanUntreated: flat,
    },
    {
      query,
      knowledge: KNOWLEDGE,
      controlStrategyEffective: "query_as_control",
      promptCells: 3,
      queryCells: adataOf([[1]], ["A"]),
      seed: 1,
    },
  );
  expect(grounding.evidence.map(({ statement }) => statement).join(" ")).not.toMatch(
    /resembles the query cells/,
  );
});

describe("an answer that lies measured in the atlas", () => {
  const measured = { ...QUERY, measured_answer: { cells: 200, donors: 2 } };

  test.each([
    [
      "is read where the prompt is the asked cells",
      measured,
      1,
      /^This answer is read, not predicted/,
    ],
    ["is read in part", measured, 0.4, /^This answer is read in part: 40 %/],
    [
      "is named where the prompt leaves it out",
      measured,
      0,
      /holds 200 cells .* made without them/,
    ],
  ] as const)("%s", (_, query, reads, says) => {
    expect(readingSentence(query, reads)).toMatch(says);
  });

  test("is not claimed where there is none", () => {
    expect(readingSentence(QUERY, 0)).toBeNull();
    expect(readingSentence(QUERY)).toBeNull();
  });

  test("names the donor that was asked for", () => {
    for (const donor of ["101", "kang18:101"])
      expect(readingSentence({ ...measured, donor }, 1)).toContain("of donor 101.");
  });

  test("comes first in the answer and before the score in the mail", () => {
    const base = runResult({ structured_query: measured });
    const { reading, sentences } = answerInWords(base, judged(ENDS[0]!).de);
    expect(reading).toBe(readingSentence(measured, 0));
    expect(sentences).toHaveLength(3);
    const { text } = renderMail("run_completed", {
      run_id: "r",
      query: "q",
      final_score: 8,
      verdict: "agrees well with what is known",
      reading: readingSentence(measured, 1)!,
      termination_reason: "converged",
      error_message: null,
      output_anndata_path: null,
      output_report_path: null,
      output_log_path: null,
      rests_on: [],
    });
    expect(text.indexOf("read, not predicted")).toBeLessThan(text.indexOf("Score:"));
  });
});

test("another perturbation in place of the asked one is said with the answer and before the score", () => {
  const withPlan = (changes: Partial<PromptCandidate>) => {
    const base = runResult();
    const iterations = base.iterations.map((iteration) => ({
      ...iteration,
      plan: { ...iteration.plan, chosen: { ...iteration.plan.chosen, ...changes } },
    }));
    return answerInWords(runResult({ iterations }), differential());
  };
  const { sentences, warnings } = withPlan({
    stand_in: "ifn-gamma",
    stand_in_name: "Interferon gamma",
  });
  expect(sentences[0]).toContain("(by cells under Interferon gamma, which stands in for it): ");
  expect(warnings.find(({ title }) => title === "Stand-in")?.text).toMatch(
    /^Interferon gamma stands in for .*; what is predicted is the response to Interferon gamma/,
  );
  expect(withPlan({ stand_in: "label 7" }).sentences[0]).toContain("by cells under label 7,");
  const without = withPlan({});
  expect(without.sentences[0]).not.toContain("stands in");
  expect(without.warnings.map(({ title }) => title)).not.toContain("Stand-in");
});

test("a drug that is known by its name only is said to be", () => {
  const named = {
    ...QUERY,
    perturbation: { ...QUERY.perturbation, id: "drugbank-db09570", name: "Ixazomib" },
    expected_targets: [],
    expected_pathways: [],
  };
  const titles = (query: typeof QUERY) =>
    answerInWords(runResult({ structured_query: query }), differential()).warnings.map(
      ({ title }) => title,
    );
  expect(titles(named)).toContain("No prior knowledge");
  expect(titles(QUERY)).not.toContain("No prior knowledge");
  expect(titles({ ...named, perturbation: { ...named.perturbation, id: null } })).not.toContain(
    "No prior knowledge",
  );
});
