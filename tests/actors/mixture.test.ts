import { readFile, rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StepPorts } from "../../actors/ports.ts";
import { iterationObjects, resultObjects } from "../../actors/run-objects.ts";
import { analyze } from "../../actors/steps/analyze.ts";
import { evaluate } from "../../actors/steps/evaluate.ts";
import { output } from "../../actors/steps/output.ts";
import { prompt } from "../../actors/steps/prompt.ts";
import type { Evaluation } from "../../actors/tasks/evaluation.ts";
import type { Foresight } from "../../actors/tasks/outlook.ts";
import { finishIteration } from "../../machines/run-actions.ts";
import { initialContext } from "../../machines/run-inputs.ts";
import type { CurrentRound, RunContext } from "../../machines/run-types.ts";
import type { AnalyzeOutput, EvaluateOutput, PromptInput } from "../../machines/step-types.ts";
import type { ExpectedAccuracy } from "../../science/accuracy/accuracy-schema.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { readResponse } from "../../science/response/response-file.ts";
import { pearson } from "../../science/statistics/correlation.ts";
import { systemClock } from "../../services/clock/system.ts";
import type { RunConfig } from "../../services/runs/document.ts";
import type { PairName } from "../../machines/pair-types.ts";
import {
  analyzeInput,
  keepsNothing,
  promptInput,
  QUESTION,
  simulatedAtlas,
  stepContext,
  type SharedAtlas,
} from "./agents-harness.ts";
import { predictedRound } from "./predicted-round.ts";

/** A round whose predictions together promise more than the best of them: the real steps on a simulated atlas. */

const expected = (accuracy: number): ExpectedAccuracy => ({
  known: true,
  pearson: accuracy,
  low: accuracy - 0.1,
  high: accuracy,
  left_out: "cell types",
  responses: 5,
});

describe("a mixture of the predictions of a round", () => {
  let atlas: SharedAtlas;
  let ports: StepPorts;
  let understood: AnalyzeOutput;
  let input: PromptInput;
  let round: CurrentRound;
  /** What the atlas lets expect, in place of what it does. */
  let foreseen: (real: Foresight) => Foresight;
  /** Of each prompt and mixture, in place of what it gets. */
  let score: number | undefined;

  beforeAll(async () => {
    atlas = await simulatedAtlas();
    const { compute } = atlas.ports;
    ports = {
      ...atlas.ports,
      clock: systemClock,
      runs: keepsNothing(),
      compute: {
        ...compute,
        run: (async (name: "foresee" | "evaluate", given: never, signal?: AbortSignal) => {
          const result = await compute.run(name, given, signal);
          if (name === "foresee") return foreseen(result as Foresight);
          if (name !== "evaluate" || score === undefined) return result;
          const { grounding, ...beside } = result as Evaluation;
          return { ...beside, grounding: { ...grounding, score } };
        }) as typeof compute.run,
      },
      software: { name: "haystack", version: "0" },
    };
    understood = await analyze(ports)(analyzeInput(), stepContext());
    const asked = promptInput(understood.structured_query);
    const { control_job: _separate, ...usual } = asked.config;
    const { cell_type, perturbation } = understood.structured_query;
    const withhold: RunConfig["withhold"] = {
      cell_type: cell_type.atlas_labels[0]!,
      perturbation: perturbation.atlas_labels[0]!,
      what: ["cell-type"],
      split_seed: 1,
    };
    input = { ...asked, config: { ...usual, withhold, max_iterations: 3, prompts_per_round: 3 } };
    ({ round } = await predictedRound(
      atlas.objects,
      ports,
      await prompt(ports)(input, stepContext()),
    ));
  });
  afterAll(() => atlas.close());

  const judged = (
    mixture: Foresight["mixture"],
    planted: number | "as it is" = 7,
  ): Promise<EvaluateOutput> => {
    score = planted === "as it is" ? undefined : planted;
    foreseen = (real) => ({ ...real, expected: real.expected.map(() => expected(0.5)), mixture });
    return evaluate(ports)({ ...input, iteration: 1, round }, stepContext());
  };
  const responseOf = async (name: PairName | "mixture") =>
    (
      await readResponse(
        await atlas.objects.fetch({ path: iterationObjects("r1", 1).response(name) }),
      )
    ).response;

  test("counts where it is as plausible as the best prompt and expected to be more accurate", async () => {
    const alone = await judged(null);
    expect(alone.summary.mixture).toBeUndefined();
    const at = alone.summary.prompts!.findIndex(
      ({ candidate_id }) => candidate_id === alone.summary.candidate_id,
    );
    const other = at === 0 ? 1 : 0;
    const { summary, mixed, response, pairs } = await judged({
      places: [at, other],
      expected: expected(0.6),
    });
    const names = [at, other].map((place) => alone.summary.prompts![place]!.prediction);
    expect(summary.prompts).toEqual(
      alone.summary.prompts!.map((each) => ({ ...each, expected_accuracy: expected(0.5) })),
    );
    expect(summary).toMatchObject({
      mixture: { predictions: names, alone: expected(0.5) },
      expected_accuracy: expected(0.6),
    });
    expect(summary.prompts?.map(({ candidate_id }) => candidate_id)).not.toContain(
      summary.candidate_id,
    );
    expect(mixed?.map(({ prediction }) => prediction)).toEqual(names);
    expect(pairs).toEqual(mixed?.[0]);
    expect(response?.path).toBe(iterationObjects("r1", 1).response("mixture"));

    const members = await Promise.all(names.map((name) => responseOf(name as PairName)));
    const mean = members[0]!.delta.map((value, gene) => (value + members[1]!.delta[gene]!) / 2);
    const { delta } = await responseOf("mixture");
    expect(pearson(delta, mean)).toBeGreaterThan(0.98);
    expect(pearson(delta, members[0]!.delta)).toBeLessThan(pearson(delta, mean));
  });

  test.each<[string, Foresight["mixture"]]>([
    ["no mixture promises more", null],
    ["the best prompt is expected to be as accurate", { places: [0, 1], expected: expected(0.5) }],
  ])("does not count where %s", async (_, mixture) => {
    const { summary, mixed } = await judged(mixture);
    expect(summary.mixture).toBeUndefined();
    expect(mixed).toBeUndefined();
    expect(summary.prompts?.map(({ candidate_id }) => candidate_id)).toContain(
      summary.candidate_id,
    );
  });

  test("does not count where it is less plausible than the best, however accurate it may be", async () => {
    const mixture = { places: [0, 2], expected: expected(0.9) };
    expect((await judged(mixture)).summary.mixture).toBeDefined();
    expect((await judged(mixture, "as it is")).summary.mixture).toBeUndefined();
  });

  test("is delivered, said in report and log, and made again from its predictions where it is lost", async () => {
    const evaluated = await judged({ places: [0, 1], expected: expected(0.9) });
    expect(evaluated.summary.mixture).toBeDefined();
    const begun: RunContext = {
      ...initialContext({
        input: { run_id: "r1", query: QUESTION, config: input.config, random_seed: 1 },
      }),
      ...understood,
      iteration: 1,
      round,
    };
    const context: RunContext = {
      ...begun,
      ...finishIteration(begun, evaluated),
      termination_reason: "converged",
      delivered_iteration: 1,
    };
    const delivered = async () => {
      await output(ports)({ context }, stepContext());
      const { anndata, report, log } = resultObjects("r1");
      const text = async (path: string): Promise<string> =>
        readFile(await atlas.objects.fetch({ path }), "utf8");
      return {
        cells: await readH5ad(await atlas.objects.fetch({ path: anndata })),
        report: await text(report),
        log: JSON.parse(await text(log)) as {
          iterations: { mixture?: { predictions: string[] }; plan: { chosen: object } }[];
        },
      };
    };
    const first = await delivered();
    const { delta } = await responseOf("mixture");
    expect(first.cells.var.columns["delta"]).toEqual(delta);
    expect(first.report).toContain("A mixture of the predictions from 2 of the 3 prompts");
    expect(first.report).toContain("(0.900 against 0.500)");
    expect(first.report.match(/<span class="tag">mixed<\/span>/g)).toHaveLength(2);
    expect(first.log.iterations[0]).toMatchObject({
      mixture: { predictions: evaluated.summary.mixture!.predictions },
      plan: { chosen: { candidate_id: evaluated.summary.candidate_id } },
    });

    const lost = iterationObjects("r1", 1).response("mixture");
    await rm(await atlas.objects.fetch({ path: lost }));
    const again = await delivered();
    expect(again.cells).toEqual(first.cells);
  });
});
