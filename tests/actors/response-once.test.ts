import { createHash } from "node:crypto";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { StepPorts } from "../../actors/ports.ts";
import { resultObjects } from "../../actors/run-objects.ts";
import { analyze } from "../../actors/steps/analyze.ts";
import { evaluate } from "../../actors/steps/evaluate.ts";
import { output } from "../../actors/steps/output.ts";
import { prompt } from "../../actors/steps/prompt.ts";
import { finishIteration } from "../../machines/run-actions.ts";
import { initialContext } from "../../machines/run-inputs.ts";
import type { FinishedIteration, RunContext } from "../../machines/run-types.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { readResponse } from "../../science/response/response-file.ts";
import { systemClock } from "../../services/clock/system.ts";
import {
  analyzeInput,
  evaluateInput,
  keepsNothing,
  promptInput,
  QUESTION,
  simulatedAtlas,
  stepContext,
  type SharedAtlas,
} from "./agents-harness.ts";

const AWAY = { status: "unavailable", reason: "It is away." } as const;

describe("the response of an iteration", () => {
  let atlas: SharedAtlas;
  let ports: StepPorts;
  let context: RunContext;
  const ran: string[] = [];
  /** What ran until the iteration was evaluated. */
  let judged: readonly string[] = [];

  const timesComputed = (): number => ran.filter((task) => task === "predictResponse").length;
  const evaluated = (): FinishedIteration => context.iterations[0]!;
  /** The digests of the delivered files of a run with this iteration. */
  const deliver = async (iteration: FinishedIteration): Promise<Record<string, string>> => {
    const finished = { ...context, iterations: [iteration], delivered_iteration: 1 };
    await output(ports)({ context: finished }, stepContext());
    const digests = Object.entries(resultObjects("r1")).map(async ([name, path]) => {
      const bytes = await readFile(await atlas.objects.fetch({ path }));
      return [name, createHash("sha256").update(bytes).digest("hex")];
    });
    return Object.fromEntries(await Promise.all(digests)) as Record<string, string>;
  };

  beforeAll(async () => {
    atlas = await simulatedAtlas();
    const { compute } = atlas.ports;
    ports = {
      ...atlas.ports,
      clock: systemClock,
      runs: keepsNothing(),
      compute: {
        ...compute,
        run: (name, input, signal) => {
          ran.push(name);
          return compute.run(name, input, signal);
        },
      },
      batch: { model: { name: "test", is_baseline: true } } as StepPorts["batch"],
      literature: { search: async () => AWAY, articles: async () => AWAY },
      software: { name: "haystack", version: "0" },
    };
    const understood = await analyze(ports)(analyzeInput(), stepContext());
    const { structured_query } = understood;
    const chosen = await prompt(ports)(promptInput(structured_query), stepContext());
    const input = await evaluateInput(atlas, structured_query);
    const round = { ...input.round, plan: chosen.plan };
    const begun: RunContext = {
      ...initialContext({
        input: { run_id: "r1", query: QUESTION, config: input.config, random_seed: 1 },
      }),
      ...understood,
      iteration: 1,
      round,
    };
    context = {
      ...begun,
      ...finishIteration(begun, await evaluate(ports)({ ...input, round }, stepContext())),
      termination_reason: "converged",
    };
    judged = [...ran];
  });
  afterAll(() => atlas.close());

  test("is computed once, for two judgements and for the results", async () => {
    expect(judged.filter((task) => task === "evaluate")).toHaveLength(2);
    expect(judged.filter((task) => task === "predictResponse")).toHaveLength(1);
    const before = timesComputed();
    await deliver(evaluated());
    expect(timesComputed()).toBe(before);
  });

  test("is delivered as it was computed, gene by gene", async () => {
    await deliver(evaluated());
    const cells = async (path: string) => readH5ad(await atlas.objects.fetch({ path }));
    const { response } = await readResponse(
      await atlas.objects.fetch({ path: evaluated().response!.path }),
    );
    const { var: genes } = await cells(resultObjects("r1").anndata);
    expect(genes.index).toEqual(response.genes);
    expect(genes.columns["delta"]).toEqual(response.delta);
    expect(genes.columns["reliability"]).toEqual(response.reliability);
    expect(genes.columns["rank"]).toEqual(response.rank);
    expect(genes.columns["predicted_lfc"]).toEqual(response.log2_fold_change);
    expect(genes.columns["predicted_pval"]).toEqual(response.p_value);
    expect(genes.columns["predicted_padj"]).toEqual(response.p_adjusted);
    expect(genes.columns["is_de"]).toEqual(Array.from(response.is_de, (flag) => flag === 1));
  });

  test("is computed anew for an iteration that an earlier release evaluated; the files are the same", async () => {
    const stored = await deliver(evaluated());
    const before = timesComputed();
    const { response, ...ofEarlierRelease } = evaluated();
    expect(response).toBeDefined();
    expect(await deliver(ofEarlierRelease)).toEqual(stored);
    expect(timesComputed()).toBe(before + 1);
  });

  test.each([
    ["lost", (file: string) => rm(file)],
    ["damaged", (file: string) => rm(file, { force: true }).then(() => writeFile(file, "{}"))],
  ])("is computed anew where its object is %s; the files are the same", async (_, harm) => {
    const stored = await deliver(evaluated());
    const before = timesComputed();
    const { path } = evaluated().response!;
    const folder = await atlas.objects.scratch();
    const copy = join(folder, "response.h5ad");
    await copyFile(await atlas.objects.fetch({ path }), copy);
    onTestFinished(async () => void (await atlas.objects.put(path, copy)));
    await harm(atlas.objects.location(path));
    expect(await deliver(evaluated())).toEqual(stored);
    expect(timesComputed()).toBe(before + 1);
  });
});
