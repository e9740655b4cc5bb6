import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StepPorts } from "../../actors/ports.ts";
import { HaystackError } from "../../errors.ts";
import { analyze } from "../../actors/steps/analyze.ts";
import { embeddedLikeness } from "../../actors/agents/embedded-likeness.ts";
import { orProblem, withModel } from "../../actors/agents/session.ts";
import { prompt } from "../../actors/steps/prompt.ts";
import type { PromptOutput } from "../../machines/step-types.ts";
import type { PromptPlan } from "../../science/prompting/prompt-plan.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { systemClock } from "../../services/clock/system.ts";
import type { ModelUsage } from "../../services/language-model/index.ts";
import {
  answersWith,
  dataOf,
  EMBEDDING,
  says,
  sendsText,
  type ModelServer,
} from "../support/model-server.ts";
import {
  analyzeInput,
  bench,
  LIMITS,
  promptInput,
  simulatedAtlas,
  stepContext,
  type SharedAtlas,
} from "./agents-harness.ts";

/** Of three meanings: what viruses set off, what else cytokines do, the rest. */
const meaning = (text: string): number[] =>
  /antiviral|ifn-gamma/iu.test(text)
    ? [1, 0, 0.1]
    : /IL-?\d/u.test(text)
      ? [0, 1, 0.1]
      : [0.1, 0.1, 1];

describe("likeness in meaning by embeddings", () => {
  let atlas: SharedAtlas;
  let query: StructuredQuery;
  beforeAll(async () => {
    atlas = await simulatedAtlas();
    const understood = (await analyze(atlas.ports)(analyzeInput(), stepContext())).structured_query;
    // A perturbation that no knowledge has and whose name is like no other's.
    query = {
      ...understood,
      expected_targets: [],
      expected_pathways: [],
      perturbation: {
        ...understood.perturbation,
        id: null,
        name: "Antiviral mix",
        atlas_labels: [],
        targets: [],
      },
    };
  });
  afterAll(() => atlas.close());

  const planOf = async ({ plan }: PromptOutput): Promise<PromptPlan> =>
    JSON.parse(await readFile(await atlas.objects.fetch(plan), "utf8")) as PromptPlan;
  const choosesFirst = (server: ModelServer): void =>
    server.script(
      ...Array.from(
        { length: 2 },
        () => (body: Parameters<typeof dataOf>[0]) =>
          says({
            candidate_id: (dataOf(body)[0] as { candidates: { candidate_id: string }[] })
              .candidates[0]?.candidate_id,
            reason: "First.",
          }),
      ),
    );
  /** A run of its own, with an embedding model whose cache no other test has filled. */
  const withEmbeddings = async (model: string, limits = LIMITS) => {
    const { server, runs, portsWith } = await bench(atlas);
    choosesFirst(server);
    return {
      server,
      runs,
      portsWith,
      ports: portsWith({
        model: server.model({ embedding: { model, price: EMBEDDING.price } }),
        limits,
      }),
    };
  };

  test("a perturbation of near meaning is found by it and not by its letters; vectors are asked for once", async () => {
    const { server, ports, portsWith } = await withEmbeddings("meaning");
    server.embed(meaning);
    await expect(prompt(portsWith(null))(promptInput(query), stepContext())).rejects.toMatchObject({
      code: "NO_PROMPT_CELLS",
    });
    const output = await prompt(ports)(promptInput(query), stepContext());
    const { chosen, considered, embedding_problem } = await planOf(output);
    expect(chosen).toStrictEqual({
      candidate_id: output.candidate_id,
      control_similarity: expect.any(Number) as number,
      parts: expect.any(Array) as unknown[],
      rank_score: expect.any(Number) as number,
      stand_in: "ifn-gamma",
      stand_in_name: "Interferon gamma",
      strategy: "semantic",
      rationale: expect.stringMatching(
        /is near Antiviral mix in meaning \(cosine 1\.00 by the embeddings of meaning\)/,
      ) as string,
    });
    expect(considered.map(({ rationale }) => rationale)).toEqual(
      considered.map(() => expect.stringMatching(/Interferon gamma.* in meaning/) as string),
    );
    expect(embedding_problem).toBeUndefined();

    const texts = server.embeddingCalls.flatMap(({ body }) => body.input);
    expect(texts.length).toBeGreaterThan(5);
    expect(new Set(texts).size).toBe(texts.length);
    expect(output.usage?.tokens).toBe(3 * texts.length + 1_200);
    expect(output.usage?.usd).toBeCloseTo(
      (3 * texts.length * EMBEDDING.price) / 1_000_000 + 0.0028,
      9,
    );

    const asked = server.embeddingCalls.length;
    const other = await withEmbeddings("meaning");
    other.server.embed(() => "not asked");
    expect(
      (await planOf(await prompt(other.ports)(promptInput(query), stepContext()))).considered,
    ).toEqual(considered);
    expect(other.server.embeddingCalls).toHaveLength(0);
    const again = await prompt(ports)(promptInput(query), stepContext());
    expect(again).toEqual(output);
    expect(server.embeddingCalls).toHaveLength(asked);
  });

  test("a step that runs again sees the same likenesses, whatever became of the kept vectors", async () => {
    const { server, ports } = await withEmbeddings("journalled");
    server.embed(meaning);
    const first = await prompt(ports)(promptInput(query), stepContext());
    for await (const path of atlas.objects.list("embeddings/journalled/"))
      await atlas.objects.putText(path, "{");
    server.embed(() => [0, 0, 1]);
    expect(await prompt(ports)(promptInput(query), stepContext())).toEqual(first);
    expect(server.embeddingCalls).toHaveLength(1);
    const fresh = await withEmbeddings("journalled");
    fresh.server.embed(meaning);
    expect(
      (await planOf(await prompt(fresh.ports)(promptInput(query), stepContext()))).chosen.strategy,
    ).toBe("semantic");
    expect(fresh.server.embeddingCalls).toHaveLength(1);
  });

  /** Of "IFN beta 1" the letters tell. */
  const readable = (): StructuredQuery => ({
    ...query,
    perturbation: { ...query.perturbation, name: "IFN beta 1" },
  });

  test.each<[string, (server: ModelServer) => void, RegExp, number]>([
    [
      "a server that refuses",
      (server) => server.scriptEmbeddings(answersWith(401)),
      /^MODEL_UNAVAILABLE: .*status 401/,
      0,
    ],
    [
      "a text in place of a number",
      (server) => server.embed(() => ["NaN", 1]),
      /^MODEL_OUTPUT_INVALID: .*no numbers/,
      1,
    ],
    [
      "null in place of a number",
      (server) => server.embed(() => [null, 1]),
      /^MODEL_OUTPUT_INVALID: .*no numbers/,
      1,
    ],
    [
      "vectors of different lengths",
      (server) => server.embed((text) => Array.from({ length: 1 + (text.length % 3) }, () => 1)),
      /^MODEL_OUTPUT_INVALID: .*different lengths/,
      1,
    ],
    [
      "vectors of zeros",
      (server) => server.embed(() => [0, 0]),
      /^MODEL_OUTPUT_INVALID: .*zeros/,
      1,
    ],
    [
      "a vector too few",
      (server) =>
        server.scriptEmbeddings(
          sendsText(
            '{"data":[{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":3,"total_tokens":3}}',
          ),
        ),
      /^MODEL_OUTPUT_INVALID: .*1 vectors for/,
      1,
    ],
  ])(
    "%s: names are compared by their letters, and the plan says why",
    async (name, plant, problem, paid) => {
      const { server, ports, portsWith } = await withEmbeddings(`failing ${name}`);
      plant(server);
      const output = await prompt(ports)(promptInput(readable()), stepContext());
      const plan = await planOf(output);
      const byLetters = await planOf(
        await prompt(portsWith(null))(promptInput(readable()), stepContext()),
      );
      expect(plan.considered).toEqual(byLetters.considered);
      expect(byLetters.chosen.rationale).toMatch(/reads like IFN beta 1, by its letters/);
      expect(plan.embedding_problem).toMatch(problem);
      expect((output.usage?.tokens ?? 0) > 1_200).toBe(paid === 1);
      for await (const path of atlas.objects.list(
        `embeddings/failing_${name.replaceAll(" ", "_")}/`,
      ))
        expect.unreachable(`kept ${path}`);
    },
  );

  test("many texts go in several calls; what was paid before one fails counts, and is not paid again", async () => {
    const { server, runs } = await withEmbeddings("many");
    const texts = {
      asked: { perturbation: "antiviral", cell_type: "B cell" },
      perturbations: Array.from({ length: 300 }, (_, i) => `drug ${i}`),
      cell_types: ["B cell"],
    };
    const first = {
      data: Array.from({ length: 256 }, (_, index) => ({ index, embedding: [1, 0, 0] })),
      usage: { prompt_tokens: 768, total_tokens: 768 },
    };
    server.embed(meaning);
    server.scriptEmbeddings(sendsText(JSON.stringify(first)), answersWith(401));
    const used: (ModelUsage | undefined)[] = [];
    const { embedding } = server.model({ embedding: { model: "many", price: EMBEDDING.price } });
    const like = () =>
      withModel(
        { model: { model: server.model(), limits: LIMITS }, runs, clock: systemClock },
        { run_id: "r1", step: "prompt", iteration: 1 },
        { waits: undefined },
        async (session) => {
          const outcome = await orProblem(
            embeddedLikeness({
              session: session!,
              model: embedding!,
              objects: atlas.objects,
              texts,
              signal: stepContext().signal,
            }),
          );
          used.push(session?.usage());
          return outcome;
        },
      );
    expect(await like()).toStrictEqual({
      problem: expect.stringMatching(/^MODEL_UNAVAILABLE/) as string,
      usage: { tokens: 768, usd: 0.001536 },
    });
    expect(await like()).toStrictEqual({
      result: {
        model: "many",
        perturbations: expect.any(Array) as unknown[],
        cell_types: [["B cell", 1]],
      },
      usage: { tokens: 138, usd: 0.000276 },
    });
    expect(used.map((usage) => usage?.tokens)).toEqual([768, 3 * 46]);
    expect(server.embeddingCalls.map(({ body }) => body.input.length)).toEqual([256, 46, 46]);
  });

  test("vectors that cannot be read or kept are asked for each time, and cost no run", async () => {
    const { server, ports } = await withEmbeddings("unkept");
    server.embed(meaning);
    const told: string[] = [];
    const refuse = (): never => {
      throw new HaystackError("OBJECTS_UNAVAILABLE", "There is no permission for embeddings.");
    };
    const objects: StepPorts["objects"] = {
      ...ports.objects,
      stat: (path) => (path.startsWith("embeddings/") ? refuse() : ports.objects.stat(path)),
      putText: (path, ...rest) =>
        path.startsWith("embeddings/") ? refuse() : ports.objects.putText(path, ...rest),
    };
    const spared = {
      ...ports,
      objects,
      onCacheTrouble: ({ message }: Error) => told.push(message),
    };
    const output = await prompt(spared)(promptInput(query), stepContext());
    expect((await planOf(output)).embedding_problem).toBeUndefined();
    expect(output.usage?.tokens).toBeGreaterThan(1_200);
    expect(told).toEqual([
      "Embeddings on record cannot be read: There is no permission for embeddings; they are asked for anew.",
      "Embeddings cannot be kept: There is no permission for embeddings; they are asked for anew.",
    ]);
  });

  test("a run that may not spend more asks for no embeddings", async () => {
    const { server, ports } = await withEmbeddings("limited", { ...LIMITS, max_tokens: 10 });
    server.embed(meaning);
    const plan = await planOf(await prompt(ports)(promptInput(readable()), stepContext()));
    expect(plan.embedding_problem).toMatch(/^MODEL_LIMIT: /);
    expect(server.embeddingCalls).toHaveLength(0);
  });
});
