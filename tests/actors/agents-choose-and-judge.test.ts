import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { analyze } from "../../actors/steps/analyze.ts";
import { evaluate } from "../../actors/steps/evaluate.ts";
import { prompt } from "../../actors/steps/prompt.ts";
import type { Evaluation } from "../../actors/tasks/evaluation.ts";
import type { EvaluateInput, EvaluateOutput, PromptOutput } from "../../machines/step-types.ts";
import type { GroundingScore } from "../../science/grounding/grounding.ts";
import type { PromptCandidate, PromptPlan } from "../../science/prompting/prompt-plan.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { CALL, dataOf, refuses, says, type RequestBody } from "../support/model-server.ts";
import {
  analyzeInput,
  bench,
  evaluateInput,
  promptInput,
  simulatedAtlas,
  stepContext,
  type SharedAtlas,
} from "./agents-harness.ts";

const offered = (body: RequestBody): readonly PromptCandidate[] =>
  (dataOf(body)[0] as { candidates: PromptCandidate[] }).candidates;

describe("choosing and judging with a language model", () => {
  let atlas: SharedAtlas;
  let query: StructuredQuery;
  let toJudge: EvaluateInput;
  beforeAll(async () => {
    atlas = await simulatedAtlas();
    query = (await analyze(atlas.ports)(analyzeInput(), stepContext())).structured_query;
    toJudge = await evaluateInput(atlas, query);
  });
  afterAll(() => atlas.close());

  const stored = async <Content>(ref: { readonly path: string }): Promise<Content> =>
    JSON.parse(await readFile(await atlas.objects.fetch(ref), "utf8")) as Content;
  const planOf = ({ plan }: PromptOutput): Promise<PromptPlan> => stored(plan);
  const groundingOf = async ({ evaluation }: EvaluateOutput): Promise<GroundingScore> =>
    (await stored<Evaluation>(evaluation)).grounding;

  test("the model's candidate becomes the prompt, with its reason", async () => {
    const { ports, server, portsWith } = await bench(atlas);
    const ranked = await planOf(await prompt(portsWith(null))(promptInput(query), stepContext()));
    server.script((body) =>
      says({
        candidate_id: offered(body)[2]?.candidate_id,
        reason: "Its donors\u0007 resemble the query.",
      }),
    );
    const output = await prompt(ports)(promptInput(query), stepContext());
    const plan = await planOf(output);
    const third = offered(server.calls[0]!.body)[2]!;
    const considered = ranked.considered.find(
      ({ candidate_id }) => candidate_id === third.candidate_id,
    )!;
    expect(plan.chosen).toStrictEqual({
      ...considered,
      control_similarity: expect.any(Number) as number,
      parts: third.parts,
      reads: 1,
      rationale: `${considered.rationale} The language model scripted chose it: Its donors resemble the query.`,
    });
    expect(plan.model_choice).toEqual({
      model: "scripted",
      reason: "Its donors resemble the query.",
      instead_of: ranked.chosen.candidate_id,
    });
    expect(plan.considered).toEqual(ranked.considered);
    expect(output).toStrictEqual({
      plan: { path: expect.any(String) as string, sha256: expect.any(String) as string },
      candidate_id: third.candidate_id,
      prompt_strategy: third.strategy,
      prompt_rationale: plan.chosen.rationale,
      prompt_cells: third.parts.reduce((sum, { n_cells }) => sum + n_cells, 0),
      query_cells: 14,
      usage: { tokens: CALL.tokens, usd: CALL.usd },
    });
    expect(server.calls[0]?.body.text.format.schema).toStrictEqual({
      type: "object",
      properties: {
        candidate_id: {
          type: "string",
          enum: offered(server.calls[0]!.body).map(({ candidate_id }) => candidate_id),
        },
        reason: { type: "string" },
      },
      required: ["candidate_id", "reason"],
      additionalProperties: false,
    });
  });

  test("a candidate that was not offered is sent back once, then the ranking decides", async () => {
    const { ports, server, portsWith } = await bench(atlas);
    server.script(
      says({ candidate_id: "direct-000000000000", reason: "Trust me." }),
      says({ candidate_id: "all cells", reason: "Trust me." }),
    );
    const plan = await planOf(await prompt(ports)(promptInput(query), stepContext()));
    const ranked = await planOf(await prompt(portsWith(null))(promptInput(query), stepContext()));
    expect(plan).toEqual({
      ...ranked,
      model_problem: expect.stringMatching(/^MODEL_OUTPUT_INVALID: /) as string,
    });
    expect(server.calls).toHaveLength(2);
  });

  test("an answer that was cut off is asked for again with twice the tokens, without its reasoning; a fence is read", async () => {
    const { ports, server } = await bench(atlas);
    server.script(
      {
        kind: "output",
        output: [{ type: "reasoning", id: "rs_1", summary: [], encrypted_content: "sealed" }],
        status: "incomplete",
        incomplete_details: { reason: "max_output_tokens" },
      },
      (body) => {
        const [first] = offered(body);
        const answer = { candidate_id: first?.candidate_id, reason: "It is near." };
        return says(`\`\`\`json\n${JSON.stringify(answer)}\n\`\`\``);
      },
    );
    const plan = await planOf(await prompt(ports)(promptInput(query), stepContext()));
    expect(plan.model_problem).toBeUndefined();
    const [first, second] = server.calls.map(({ body }) => body);
    expect([first?.max_output_tokens, second?.max_output_tokens]).toEqual([16_000, 32_000]);
    expect(second?.input.map(({ type, role }) => type ?? role)).toEqual(["user", "user"]);
  });

  test("what was tried, and strategies that stalled, are not offered again; the worst first prompt is not asked about", async () => {
    const { ports, server, portsWith } = await bench(atlas);
    const first = await planOf(await prompt(portsWith(null))(promptInput(query), stepContext()));
    const past = (
      iteration: number,
      { candidate_id, strategy }: { candidate_id: string; strategy: PromptCandidate["strategy"] },
    ) => ({
      iteration,
      candidate_id,
      prompt_strategy: strategy,
      prompt_rationale: `NK cells of prompt ${iteration}`,
      prompt_cells: 1,
      query_cells: 1,
      score: 3,
      component_scores: { target_activation: 2, literature_support: null },
      confidence: "normal" as const,
      feedback: ["ISG15 does not move."],
      top_genes: [],
      enriched_pathways: [],
    });
    const stalled = (["ontology", "mechanistic", "semantic"] as const).flatMap((strategy) =>
      [1, 2].map((n) => ({ strategy, candidate_id: `${strategy}-${n}` })),
    );
    server.script((body) =>
      says({ candidate_id: offered(body)[0]?.candidate_id, reason: "Next." }),
    );
    await prompt(ports)(
      promptInput(query, {
        iteration: 8,
        iterations: [first.chosen, ...stalled].map((candidate, i) => past(i + 1, candidate)),
      }),
      stepContext(),
    );
    const { candidates, history } = dataOf(server.calls[0]!.body)[0] as {
      candidates: PromptCandidate[];
      history: object[];
    };
    expect(candidates.length).toBeGreaterThan(1);
    expect(candidates.map(({ strategy }) => strategy)).toEqual(candidates.map(() => "direct"));
    expect(candidates.map(({ candidate_id }) => candidate_id)).not.toContain(
      first.chosen.candidate_id,
    );
    expect(history[0]).toStrictEqual({
      iteration: 1,
      candidate_id: first.chosen.candidate_id,
      strategy: first.chosen.strategy,
      rationale: "NK cells of prompt 1",
      score: 3,
      component_scores: { target_activation: 2 },
      feedback: ["ISG15 does not move."],
    });
    const input = promptInput(query);
    await prompt(ports)(
      { ...input, config: { ...input.config, first_prompt: "worst" } },
      stepContext(),
    );
    expect(server.calls).toHaveLength(1);
  });

  const scoresFor =
    (
      change: (component: {
        name: string;
        score: number;
        cited: string[];
        reason: string;
      }) => object,
    ) =>
    (body: RequestBody) => {
      const { components, evidence } = dataOf(body)[0] as {
        components: string[];
        evidence: { id: string; component: string }[];
      };
      return says({
        components: components.map((name) =>
          change({
            name,
            score: 5,
            cited: evidence
              .filter(({ component }) => component === name)
              .slice(0, 2)
              .map(({ id }) => id),
            reason: "As the rows say.",
          }),
        ),
      });
    };

  test("the model's scores stand beside the computed ones and change nothing else", async () => {
    const { ports, server, portsWith } = await bench(atlas);
    const byCode = await groundingOf(await evaluate(portsWith(null))(toJudge, stepContext()));
    server.script(scoresFor((component) => ({ ...component, score: 1 })));
    const output = await evaluate(ports)(toJudge, stepContext());
    const { model_scores, ...rest } = await groundingOf(output);
    expect(rest).toEqual(byCode);
    expect(output.summary.score).toBe(byCode.score);
    expect(output.usage).toEqual({
      tokens: CALL.tokens,
      usd: expect.closeTo(CALL.usd, 9) as number,
    });
    expect(model_scores?.components.map(({ name }) => name)).toEqual(
      byCode.components.filter(({ score }) => score !== null).map(({ name }) => name),
    );
    expect(
      model_scores?.components.every(({ score, cited }) => score === 1 && cited.length > 0),
    ).toBe(true);
  });

  test.each<[string, Parameters<typeof scoresFor>[0], RegExp]>([
    [
      "cites a row that does not exist",
      (component) => ({ ...component, cited: ["P1", "X99"] }),
      /has no evidence row/,
    ],
    ["cites nothing", (component) => ({ ...component, cited: [] }), /cites no evidence row/],
    ["leaves the scale", (component) => ({ ...component, score: 11 }), /another form/],
    [
      "scores one component twice",
      (component) => ({ ...component, name: "target_activation" }),
      /exactly these components/,
    ],
  ])("a judgement that %s is sent back once, then left out", async (_, change, problem) => {
    const { ports, server } = await bench(atlas);
    server.script(scoresFor(change), scoresFor(change));
    const grounding = await groundingOf(await evaluate(ports)(toJudge, stepContext()));
    expect(grounding.model_scores).toBeUndefined();
    expect(grounding.model_problem).toMatch(problem);
    expect(server.calls).toHaveLength(2);
  });

  test("what the run has spent before counts towards its limits", async () => {
    const { ports, server } = await bench(atlas);
    server.script(refuses("No."), refuses("No."));
    const input = { ...toJudge, model_spent: { tokens: 199_900, usd: 0 } };
    const output = await evaluate(ports)(input, stepContext());
    expect((await groundingOf(output)).model_problem).toMatch(/^MODEL_LIMIT/);
    expect(output.usage).toEqual({ tokens: 0, usd: 0 });
    expect(server.calls).toHaveLength(0);
  });
});
