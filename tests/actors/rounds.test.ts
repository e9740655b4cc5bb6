import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StepPorts } from "../../actors/ports.ts";
import { iterationObjects } from "../../actors/run-objects.ts";
import { analyze } from "../../actors/steps/analyze.ts";
import { evaluate } from "../../actors/steps/evaluate.ts";
import { prompt } from "../../actors/steps/prompt.ts";
import { pairsOfPrompts } from "../../machines/job-id.ts";
import type { PairName } from "../../machines/pair-types.ts";
import type { CurrentRound } from "../../machines/run-types.ts";
import type { EvaluateOutput, PromptInput, PromptOutput } from "../../machines/step-types.ts";
import { planWith, promptsOf, type PromptPlan } from "../../science/prompting/prompt-plan.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import type { RunConfig } from "../../services/runs/document.ts";
import { dataOf, says, type RequestBody } from "../support/model-server.ts";
import {
  analyzeInput,
  bench,
  promptInput,
  simulatedAtlas,
  stepContext,
  type SharedAtlas,
} from "./agents-harness.ts";
import { predictedRound } from "./predicted-round.ts";

/** Rounds of several prompts: the real steps on a simulated atlas. */

const offered = (body: RequestBody): readonly { readonly candidate_id: string }[] =>
  (dataOf(body)[0] as { candidates: { candidate_id: string }[] }).candidates;

describe("a round of several prompts", () => {
  let atlas: SharedAtlas;
  let query: StructuredQuery;
  beforeAll(async () => {
    atlas = await simulatedAtlas();
    query = (await analyze(atlas.ports)(analyzeInput(), stepContext())).structured_query;
  });
  afterAll(() => atlas.close());

  const stored = async <Content>(ref: { readonly path: string }): Promise<Content> =>
    JSON.parse(await readFile(await atlas.objects.fetch(ref), "utf8")) as Content;
  const asked = (config: Partial<RunConfig>, more: Partial<PromptInput> = {}): PromptInput => {
    const input = promptInput(query, more);
    const { control_job: _separate, ...usual } = input.config;
    return { ...input, config: { ...usual, ...config } };
  };
  const chosenBy = (
    ports: StepPorts,
    config: Partial<RunConfig>,
    more: Partial<PromptInput> = {},
  ): Promise<PromptOutput> => prompt(ports)(asked(config, more), stepContext());
  const names = ({ prompts }: PromptOutput): unknown =>
    prompts?.map(({ prediction, control }) => [prediction, control]);

  test("has as many as the run says, otherwise as many as the daemon says, of different strategies first", async () => {
    const { portsWith } = await bench(atlas);
    const ports = portsWith(null);
    const many = async (usual: number | undefined, config: Partial<RunConfig>): Promise<number> => {
      const given = usual === undefined ? ports : { ...ports, promptsPerRound: usual };
      return (await chosenBy(given, config)).prompts?.length ?? 1;
    };
    expect(await many(undefined, {})).toBe(1);
    expect(await many(4, {})).toBe(4);
    expect(await many(4, { prompts_per_round: 1 })).toBe(1);
    expect(await many(1, { prompts_per_round: 3 })).toBe(3);
    expect(await many(4, { control_job: "separate" })).toBe(1);
    expect(await many(4, { first_prompt: "worst" })).toBe(1);

    const output = await chosenBy(ports, { prompts_per_round: 8 });
    const plan = await stored<PromptPlan>(output.plan);
    const [first, ...others] = output.prompts ?? [];
    expect(first).toMatchObject({
      candidate_id: output.candidate_id,
      prompt_strategy: output.prompt_strategy,
      prompt_rationale: output.prompt_rationale,
      prompt_cells: output.prompt_cells,
    });
    const strategies = [first, ...others].map((each) => each?.prompt_strategy);
    const kinds = new Set(strategies).size;
    expect(kinds).toBeGreaterThan(1);
    expect(new Set(strategies.slice(0, kinds)).size).toBe(kinds);
    const parts = promptsOf(plan).map(({ chosen }) => JSON.stringify(chosen.parts));
    expect(new Set(parts).size).toBe(8);
  });

  test("predicts an equal control once, and none where the query cells are the control", async () => {
    const { portsWith } = await bench(atlas);
    const output = await chosenBy(portsWith(null), { prompts_per_round: 8 });
    const plan = await stored<PromptPlan>(output.plan);
    const controls = promptsOf(plan).map(({ chosen }) =>
      JSON.stringify(
        chosen.parts.map(({ control_group_id, n_control_cells }) => [
          control_group_id,
          n_control_cells,
        ]),
      ),
    );
    expect(names(output)).toEqual(
      controls.map((control, at) => {
        const first = controls.indexOf(control) + 1;
        return [
          at === 0 ? "prediction" : `prediction-${at + 1}`,
          first === 1 ? "control" : `control-${first}`,
        ];
      }),
    );
    const pairs = pairsOfPrompts(output.prompts ?? []);
    expect(pairs).toHaveLength(8 + new Set(controls).size);

    const compared = await chosenBy(
      portsWith(null),
      { prompts_per_round: 2 },
      { control_strategy_effective: "query_as_control" },
    );
    expect(names(compared)).toEqual([
      ["prediction", null],
      ["prediction-2", null],
    ]);
  });

  test("is chosen by the model as a set, in one request; a set with one candidate twice is sent back", async () => {
    const { ports, server } = await bench(atlas);
    const choice = (body: RequestBody, at: number) => ({
      candidate_id: offered(body)[at]?.candidate_id,
      reason: `Because of ${at}.`,
    });
    server.script(
      (body) => says({ chosen: [choice(body, 1), choice(body, 1)] }),
      (body) => says({ chosen: [choice(body, 2), choice(body, 0)] }),
    );
    const output = await chosenBy(ports, { prompts_per_round: 3 });
    const candidates = offered(server.calls[0]!.body);
    expect(server.calls).toHaveLength(2);
    expect(JSON.stringify(server.calls[1]!.body)).toContain("Choose each candidate once.");
    expect(output.prompts?.map(({ candidate_id }) => candidate_id)).toEqual([
      candidates[2]!.candidate_id,
      candidates[0]!.candidate_id,
    ]);
    expect(
      output.prompts?.map(({ prompt_rationale }) => prompt_rationale.split("chose it: ")[1]),
    ).toEqual(["Because of 2.", "Because of 0."]);
    const plan = await stored<PromptPlan>(output.plan);
    expect(plan.model_choice).toMatchObject({ reason: "Because of 2." });
  });

  test("falls back to the set of the ranking where the model chooses none, or too many", async () => {
    const { ports, server, portsWith } = await bench(atlas);
    server.script(says({ chosen: [] }), (body) =>
      says({
        chosen: offered(body)
          .slice(0, 3)
          .map(({ candidate_id }) => ({ candidate_id, reason: "All." })),
      }),
    );
    const output = await chosenBy(ports, { prompts_per_round: 2 });
    const ranked = await chosenBy(portsWith(null), { prompts_per_round: 2 });
    expect(output.prompts).toEqual(ranked.prompts);
    expect(output.model_problems).toEqual([
      { role: "prompt", problem: expect.stringMatching(/at most 2 candidates/) as string },
    ]);
  });

  test("judges each prompt as it would be judged alone; the best counts, the others are known to the next round", async () => {
    const { portsWith } = await bench(atlas);
    const ports = portsWith(null);
    const output = await chosenBy(ports, { prompts_per_round: 3 });
    const { manifest, round } = await predictedRound(atlas.objects, ports, output);
    expect(manifest).toEqual(pairsOfPrompts(output.prompts ?? []));
    const input = asked({ max_iterations: 3 });
    const judge = (of: CurrentRound, iteration: number): Promise<EvaluateOutput> =>
      evaluate(ports)({ ...input, iteration, round: of }, stepContext());
    const { summary, pairs, evaluation } = await judge(round, 1);
    const tried = summary.prompts ?? [];
    expect(tried.map(({ candidate_id }) => candidate_id)).toEqual(
      output.prompts?.map(({ candidate_id }) => candidate_id),
    );
    const counted = tried.find(({ candidate_id }) => candidate_id === summary.candidate_id)!;
    expect(pairs).toEqual({ prediction: counted.prediction, control: counted.control });
    expect(evaluation.path).toBe(
      iterationObjects("r1", 1).evaluation(counted.prediction as PairName),
    );
    const { prediction: _prediction, control: _control, ...told } = counted;
    expect(summary).toMatchObject(told);

    const plan = await stored<PromptPlan>(output.plan);
    const [together, alone] = [iterationObjects("r1", 1), iterationObjects("r1", 9)];
    const copy = async (from: string, to: string): Promise<void> => {
      await atlas.objects.put(to, await atlas.objects.fetch({ path: from }));
    };
    await copy(together.query, alone.query);
    for (const { prediction, control, ...each } of tried) {
      const pair = [prediction, control] as [PairName, PairName];
      await copy(together.prompt(pair[0]), alone.prompt("prediction"));
      await copy(together.prompt(pair[1]), alone.prompt("control"));
      const { prompts: _prompts, outputs = {}, ...first } = round;
      const {
        prediction: _p,
        control: _c,
        ...chosen
      } = output.prompts!.find(({ candidate_id }) => candidate_id === each.candidate_id)!;
      const single = await judge(
        {
          ...first,
          ...chosen,
          plan: await atlas.objects.putText(
            alone.plan,
            JSON.stringify(planWith(plan, each.candidate_id)),
          ),
          predictions: outputs[pair[0]]!,
          control_predictions: outputs[pair[1]]!,
        },
        9,
      );
      expect(single.summary).toMatchObject(each);
      expect(single.summary.prompts).toBeUndefined();
    }

    const next = await chosenBy(
      ports,
      { prompts_per_round: 3 },
      { iteration: 2, iterations: [summary] },
    );
    const before = new Set(tried.map(({ candidate_id }) => candidate_id));
    expect(next.prompts?.filter(({ candidate_id }) => before.has(candidate_id))).toEqual([]);
  });
});
