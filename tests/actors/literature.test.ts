import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { analyze } from "../../actors/steps/analyze.ts";
import { evaluate } from "../../actors/steps/evaluate.ts";
import { iterationObjects } from "../../actors/run-objects.ts";
import type { StepPorts } from "../../actors/ports.ts";
import type { EvaluateInput } from "../../machines/step-types.ts";
import {
  structuredQuerySchema,
  type StructuredQuery,
} from "../../science/query/structured-query.ts";
import { pubmedLiterature } from "../../services/literature/pubmed.ts";
import { startPubmed, type Article, type PubmedServer } from "../support/pubmed-server.ts";
import { calls, says } from "../support/model-server.ts";
import {
  analyzeInput,
  bench,
  evaluateInput,
  simulatedAtlas,
  stepContext,
  type Bench,
  type SharedAtlas,
} from "./agents-harness.ts";

describe("literature in the steps of a run", () => {
  let atlas: SharedAtlas;
  let query: StructuredQuery;
  let input: EvaluateInput;
  let one: Bench;
  let cacheFolder: string;
  const servers: PubmedServer[] = [];
  beforeAll(async () => {
    atlas = await simulatedAtlas();
    query = (await analyze(atlas.ports)(analyzeInput(), stepContext())).structured_query;
    input = await evaluateInput(atlas, query);
  });
  afterAll(() => atlas.close());
  beforeEach(async () => {
    cacheFolder = await mkdtemp(join(tmpdir(), "haystack-literature-"));
    one = await bench(atlas);
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
    await rm(cacheFolder, { recursive: true, force: true });
  });

  /**
   * One article on each of the first genes that are expected to move, with the title that `title`
   * gives.
   */
  const articles = (
    count: number,
    title: (gene: string, direction: "up" | "down") => string,
  ): Article[] =>
    query.expected_targets.slice(0, count).map(({ gene, direction }, i) => ({
      id: String(1001 + i),
      title: title(gene, direction),
      about: [query.perturbation.name, gene],
    }));
  const agreeing = articles.bind(
    null,
    8,
    (gene, direction) => `Interferon ${direction === "up" ? "induces" : "suppresses"} ${gene}`,
  );
  const contradicting = articles.bind(
    null,
    8,
    (gene, direction) => `Interferon ${direction === "up" ? "suppresses" : "induces"} ${gene}`,
  );

  async function portsReading(
    found: readonly Article[],
    ports: StepPorts = one.portsWith(null),
  ): Promise<{ ports: StepPorts; server: PubmedServer }> {
    const server = await startPubmed(found);
    servers.push(server);
    const literature = pubmedLiterature({
      baseUrl: server.baseUrl,
      rateFile: join(cacheFolder, "rates.sqlite"),
      cacheFolder: join(cacheFolder, String(servers.length)),
      cacheMs: 0,
      timeoutMs: 60_000,
      now: () => 1_000,
      guard: { requestsPerSecond: 1_000, firstBackoffMs: 1, attempts: 1 },
    });
    return { server, ports: { ...ports, literature } };
  }
  const support = async (ports: StepPorts, iteration = 1): Promise<number | null> => {
    const { summary } = await evaluate(ports)({ ...input, iteration }, stepContext());
    return summary.component_scores["literature_support"] ?? null;
  };

  test("is measured only where a source is configured", async () => {
    expect(await support(one.portsWith(null))).toBeNull();
    expect(await support((await portsReading(agreeing())).ports)).toBeGreaterThan(1);
  });

  test("a contradiction counts more than an absence, and an absence more than nothing", async () => {
    const inputsOf = (iteration: number) => {
      const { query: cells, prompt } = iterationObjects("r1", iteration);
      return [cells, prompt("prediction"), prompt("control")];
    };
    for (const iteration of [2, 3])
      for (const [i, path] of inputsOf(iteration).entries())
        await atlas.objects.put(path, await atlas.objects.fetch({ path: inputsOf(1)[i]! }));
    const full = agreeing();
    const half = full.slice(0, 4);
    const all = await support((await portsReading(full)).ports, 1);
    const absent = await support((await portsReading(half)).ports, 2);
    const against = await support(
      (await portsReading([...half, ...contradicting().slice(4)])).ports,
      3,
    );
    expect(all).toBeGreaterThan(absent ?? 10);
    expect(absent).toBeGreaterThan(against ?? 10);
  });

  test("what was found is on record: the same step later gives the same score, though the source says otherwise", async () => {
    const { ports, server } = await portsReading(agreeing());
    const first = await evaluate(ports)(input, stepContext());
    const asked = server.requests.length;
    expect(asked).toBeGreaterThan(1);
    const { ports: other, server: silent } = await portsReading([]);
    expect((await evaluate(other)(input, stepContext())).summary).toEqual(first.summary);
    expect(silent.requests).toEqual([]);
  });

  test("a source that fails leaves the component out and says why", async () => {
    const { ports, server } = await portsReading([]);
    server.faults.push({ status: 503 });
    const { evaluation, summary } = await evaluate(ports)(input, stepContext());
    expect(summary.component_scores["literature_support"]).toBeNull();
    expect(await readFile(await atlas.objects.fetch(evaluation), "utf8")).toContain(
      "The literature could not be searched: PubMed answered with HTTP status 503.",
    );
  });

  test("the question as understood names articles on its cells and perturbation, found once and bounded", async () => {
    const about = [query.perturbation.name, query.cell_type.name];
    const { ports, server } = await portsReading(
      Array.from({ length: 30 }, (_, i) => ({
        id: String(2001 + i),
        title: "Long ".repeat(900),
        pubdate: "2018 Jan",
        about,
      })),
    );
    const { structured_query: read } = await analyze(ports)(analyzeInput(), stepContext());
    expect(structuredQuerySchema.parse(read).literature_context).toEqual(
      Array.from({ length: 8 }, (_, i) => ({
        pmid: String(2001 + i),
        title: "Long ".repeat(40),
        year: 2018,
      })),
    );
    expect({ ...read, literature_context: [] }).toEqual(query);
    const asked = server.requests.length;
    expect(await analyze(ports)(analyzeInput(), stepContext())).toStrictEqual({
      structured_query: read,
      atlases: [{ dataset: "simulated", simulated: true }],
      control_cells_available: true,
      control_strategy_effective: "synthetic_control",
    });
    expect(server.requests.length).toBe(asked);
  });

  test("a source that fails leaves the question without articles and says why", async () => {
    const { ports, server } = await portsReading([]);
    server.faults.push({ status: 503 });
    const { structured_query: read } = await analyze(ports)(analyzeInput(), stepContext());
    expect(read).toEqual({
      ...query,
      literature_problem:
        "The literature could not be searched: PubMed answered with HTTP status 503.",
    });
  });

  test("the model that reads the question may search it, and the search is on record", async () => {
    const { ports, server } = await portsReading(agreeing(), one.ports);
    one.server.script(
      calls([
        "literature_search",
        {
          perturbation: query.perturbation.name,
          synonyms: [],
          genes: [query.expected_targets[0]?.gene ?? ""],
        },
      ]),
      says({ understood: null, not_understood_because: "It is a test." }),
    );
    await expect(analyze(ports)(analyzeInput(), stepContext())).rejects.toMatchObject({
      code: "QUESTION_NOT_UNDERSTOOD",
    });
    expect(one.server.calls[1]?.body.input.at(-1)?.output).toContain("PMID:1001");
    expect(server.requests.length).toBe(2);
    await expect(analyze(ports)(analyzeInput(), stepContext())).rejects.toMatchObject({
      code: "QUESTION_NOT_UNDERSTOOD",
    });
    expect(server.requests.length).toBe(2);
  });
});
