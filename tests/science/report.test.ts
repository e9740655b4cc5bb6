import { createHash } from "node:crypto";
import { writeFile, rm, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunResult, TriedPromptResult } from "../../science/report/result.ts";
import { linkedSource } from "../../science/report/source-links.ts";
import type { Findings } from "../../science/report/findings.ts";
import { renderReport } from "../../science/report/report.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import {
  differential,
  ENRICHED,
  QUERY,
  runResult,
  topGenes,
  reportHtml,
} from "./report-fixtures.ts";

const HOSTILE = `</title></style><script>alert("1")</script><img src=x onerror='a()'/>&lt;\u0000\ud800`;

const tried = (prediction: string, prompt_rationale: string): TriedPromptResult => ({
  candidate_id: `ontology-${prediction}`,
  prompt_strategy: "ontology",
  prompt_rationale,
  prompt_cells: 10,
  prediction,
  control: "control",
  score: 3,
  component_scores: {},
});

/** Hostile text wherever a person, an atlas, a model or a database may put text. */
function hostileResult(): RunResult {
  const base = runResult();
  const iterations = base.iterations.map((iteration) => ({
    ...iteration,
    plan: {
      ...iteration.plan,
      chosen: {
        ...iteration.plan.chosen,
        rationale: HOSTILE,
        parts: iteration.plan.chosen.parts.map((part) => ({
          ...part,
          group_id: HOSTILE,
          control_group_id: HOSTILE,
        })),
      },
      considered: iteration.plan.considered.map((candidate) => ({
        ...candidate,
        rationale: HOSTILE,
      })),
      query_parts: [{ group_id: HOSTILE, n_cells: 3 }],
    },
    grounding: {
      ...iteration.grounding,
      components: iteration.grounding.components.map((component) => ({
        ...component,
        reason: HOSTILE,
      })),
      evidence: iteration.grounding.evidence.map((row) => ({
        ...row,
        statement: HOSTILE,
        source: HOSTILE,
      })),
      feedback: [HOSTILE],
    },
    top_genes: topGenes(differential([HOSTILE])).toReversed(),
    enriched: ENRICHED.map((pathway) => ({
      ...pathway,
      id: HOSTILE,
      name: HOSTILE,
      genes: [HOSTILE],
      source: HOSTILE,
    })),
    jobs: iteration.jobs.map((job) => ({ ...job, job_id: HOSTILE, state: HOSTILE })),
    prompts: ["prediction", "prediction-2"].map((pair) => tried(pair, HOSTILE)),
  }));
  return {
    ...base,
    run_id: HOSTILE,
    query: HOSTILE,
    iterations,
    model: { name: HOSTILE, is_baseline: true },
    atlas: [{ dataset: HOSTILE, simulated: true, source_file: HOSTILE, source_sha256: HOSTILE }],
    control_strategy_effective: "query_as_control",
    structured_query: {
      ...QUERY,
      cell_type: {
        ...QUERY.cell_type,
        name: HOSTILE,
        matched_text: HOSTILE,
        atlas_labels: [HOSTILE],
      },
      perturbation: {
        ...QUERY.perturbation,
        name: HOSTILE,
        matched_text: HOSTILE,
        atlas_labels: [HOSTILE],
        targets: [HOSTILE],
      },
      expected_targets: [{ gene: HOSTILE, direction: "up", source: HOSTILE }],
      expected_pathways: [{ id: HOSTILE, name: HOSTILE, direction: "up", source: HOSTILE }],
      dose: HOSTILE,
      tissue: HOSTILE,
      donor: HOSTILE,
      literature_context: [{ pmid: HOSTILE, title: HOSTILE, year: 2019 }],
      ambiguities: [
        { field: "cell_type", text: HOSTILE, chosen: HOSTILE, alternatives: [HOSTILE] },
      ],
      control_strategy_fallback: {
        requested: "synthetic_control",
        effective: "query_as_control",
        reason: HOSTILE,
      },
    },
    software: { name: HOSTILE, version: HOSTILE },
  };
}

const svgTexts = (html: string): readonly string[] =>
  [...html.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1] ?? "");

const warningTitles = (html: string): readonly string[] =>
  [...html.matchAll(/class="warning" role="note"><b>([^<]*)\.<\/b>/g)].map(
    (match) => match[1] ?? "",
  );

/** A link that a reader follows loads nothing. */
const PAGE_OF_A_SET =
  /<a href="https:\/\/reactome\.org\/content\/detail\/R-HSA-\d+" target="_blank" rel="noopener noreferrer">/g;

describe("the report", () => {
  test("answers first: genes, pathway, score and its meaning", async () => {
    const html = await reportHtml(runResult(), differential());
    const answer = /<section class="answer"[\s\S]*?<\/section>/.exec(html)?.[0] ?? "";
    expect(answer).toContain("8/10");
    expect(answer).toContain("20 of 621 genes change expression, 14 up and 6 down");
    expect(answer).toContain("Interferon alpha/beta signaling");
    expect(answer).toContain("agrees well with what is known");
    expect(html.indexOf("answer")).toBeLessThan(html.indexOf("<table"));
  });

  test("charts label the top genes, the pathways and the scores", async () => {
    const texts = svgTexts(await reportHtml(runResult(), differential()));
    for (const gene of ["ISG15", "IFIT3", "IFIT1"])
      expect(texts.filter((text) => text === gene)).toHaveLength(4); // volcano and bars, for a desk and for a telephone
    expect(texts).toEqual(
      expect.arrayContaining([
        "CCL8",
        "IL8",
        "Interferon alpha/beta signaling",
        "9 of 71 genes",
        "5",
        "8",
      ]),
    );
  });

  test("names the articles on the question, or why there are none", async () => {
    const literatureIn = async (more: Partial<typeof QUERY>) =>
      /<dt>Literature<\/dt>[\s\S]*?<\/dd>/.exec(
        await reportHtml(runResult({ structured_query: { ...QUERY, ...more } }), differential()),
      )?.[0] ?? "";
    expect(await literatureIn({})).toContain("not searched, or nothing found");
    expect(await literatureIn({ literature_problem: "PubMed is away." })).toContain(
      "PubMed is away.",
    );
    const found = await literatureIn({
      literature_context: [
        { pmid: "201", title: "Interferon in monocytes", year: 2019 },
        { pmid: "203", title: "Again", year: null },
      ],
    });
    expect(found).toContain("Interferon in monocytes (2019), PMID:201");
    expect(found).toContain("Again, PMID:203");
  });

  test("tells of each prompt that was tried, what it was expected to reach and which counts, and lists it no more as considered", async () => {
    const base = runResult();
    const [first, ...others] = base.iterations;
    const prompts = [
      { ...tried("prediction", "The nearest cell type."), candidate_id: "semantic-1" },
      {
        ...tried("prediction-2", "The same cells."),
        candidate_id: first!.plan.chosen.candidate_id,
        score: 5,
        expected_accuracy: {
          known: true as const,
          pearson: 0.712,
          low: 0.5,
          high: 0.8,
          left_out: "cell types" as const,
          responses: 4,
        },
      },
    ];
    const html = await reportHtml(
      { ...base, iterations: [{ ...first!, prompts }, ...others] },
      differential(),
    );
    const section = html.slice(html.indexOf("Iteration 1: score"), html.indexOf("Iteration 2"));
    const rows = [...section.matchAll(/<tr><td>(.*?)<\/tr>/g)].map(([, row]) =>
      row!
        .replace(/<[^>]+>/g, " ")
        .replace(/\s+/g, " ")
        .trim(),
    );
    expect(rows).toEqual([
      "1, ontology 10 3 unknown The nearest cell type.",
      "2, ontology counts 10 5 0.71 The same cells.",
    ]);
    expect(section).toContain("2 prompts were tried side by side");
    expect(section).not.toContain("Also considered");
  });

  test("lists what was not measured, and why", async () => {
    const html = await reportHtml(runResult(), differential());
    expect(html).toMatch(
      /Not measured<\/h3>\s*<ul>\s*<li><b>Literature support:<\/b> No literature service is set up\.<\/li>\s*<\/ul>/,
    );
    expect(html).toContain("not measured</td>");
  });

  test("labels a baseline, simulated data, lower confidence and a missed threshold; and nothing when there is nothing", async () => {
    expect(warningTitles(await reportHtml(runResult(), differential()))).toEqual([]);
    const changes: Partial<RunResult> = {
      model: { name: "delta-transfer", is_baseline: true },
      atlas: [{ dataset: "made-up", simulated: true, source_file: "x.h5ad", source_sha256: "00" }],
      control_strategy_effective: "query_as_control",
      final_score: 4,
      termination_reason: "plateau",
    };
    const html = await reportHtml(runResult(changes), differential());
    expect(warningTitles(html)).toEqual([
      "Simulated data",
      "Baseline model",
      "Lower confidence",
      "Below the threshold",
    ]);
    expect(html).toContain("made-up was made by a simulator");
  });

  test("loads nothing, runs its own script only, and forbids all else", async () => {
    const html = await reportHtml(runResult(), differential());
    const [, css = ""] = /<style>([\s\S]*?)<\/style>/.exec(html) ?? [];
    const [whole = "", script = ""] = /<script>([\s\S]*?)<\/script>/.exec(html) ?? [];
    expect(
      html
        .replaceAll(PAGE_OF_A_SET, "")
        .replaceAll(/<a href="#[a-z]+">/g, "")
        .replaceAll(/'sha256-[^']+'/g, "")
        .replace(whole, ""),
    ).not.toMatch(
      /https?:|\/\/[a-z]|<script|<link|<img|<iframe|<object|url\(|@import|\s(?:src|href|style|on\w+)=/i,
    );
    expect(script).not.toMatch(/https?:|fetch|import|[<&]/);
    const hash = (text: string): string =>
      `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    expect(html).toContain(
      `content="default-src 'none'; style-src ${hash(css)}; script-src ${hash(script)}; base-uri 'none'; form-action 'none'"`,
    );
  });

  test("has a twin for programs with all pathways, the evidence with its links and every figure", async () => {
    const map = {
      origin: ["prediction", "control"] as const,
      x: Float64Array.of(1.23456, -1),
      y: Float64Array.of(0.5, -0.5),
      variance_ratio: [0.4, 0.2] as const,
      of: 2,
    };
    const insignificant = { ...ENRICHED[0]!, id: "X", name: "By chance", p_adjusted: 0.32 };
    const result = runResult({
      iterations: runResult().iterations.map((iteration) => ({
        ...iteration,
        enriched: [...iteration.enriched, insignificant],
      })),
    });
    const { html, json } = await renderReport(result, differential(), map);
    expect(html).not.toContain("By chance");
    const twin = JSON.parse(json) as Findings;
    const [, delivered] = result.iterations;
    expect(twin.genes).toEqual(delivered!.top_genes);
    expect(twin.pathways.map(({ id }) => id)).toEqual(delivered!.enriched.map(({ id }) => id));
    expect(twin.pathways.some(({ p_adjusted }) => p_adjusted === 0.32)).toBe(true);
    const links = twin.evidence.flatMap((row) => row.links.map(({ url }) => url));
    expect(links).toEqual([
      "https://reactome.org/content/detail/R-HSA-909733",
      "https://reactome.org/content/detail/R-HSA-6783783",
    ]);
    for (const url of links) expect(html).toContain(`<a href="${url}"`);
    expect(twin.map?.cells[0]).toEqual({ origin: "prediction", x: 1.2346, y: 0.5 });
    expect(twin.figures.map(({ id }) => id)).toEqual([
      "volcano",
      "map",
      "genes",
      "pathways",
      "iterations",
    ]);
    for (const { wide, narrow } of twin.figures) {
      expect(html).toContain(wide);
      expect(html).toContain(narrow);
    }
    expect(html).toContain(twin.answer.sentences.join(" "));
  });

  test("links articles, data sets and pathways that a source names, and nothing else", () => {
    expect(
      linkedSource('Kang <b> 2018, GSE96583; PMID:29227470; R-HSA-909733; GO:0045071; "x"'),
    ).toBe(
      [
        "Kang &#60;b&#62; 2018, ",
        '<a href="https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE96583" target="_blank" rel="noopener noreferrer">GSE96583</a>; ',
        '<a href="https://pubmed.ncbi.nlm.nih.gov/29227470/" target="_blank" rel="noopener noreferrer">PMID:29227470</a>; ',
        '<a href="https://reactome.org/content/detail/R-HSA-909733" target="_blank" rel="noopener noreferrer">R-HSA-909733</a>; ',
        '<a href="https://amigo.geneontology.org/amigo/term/GO:0045071" target="_blank" rel="noopener noreferrer">GO:0045071</a>; &#34;x&#34;',
      ].join(""),
    );
  });

  test("has methods and references for a paper, of what was used and of nothing else", async () => {
    const methodsOf = async (changes: Partial<RunResult>): Promise<string> =>
      /id="methods"[\s\S]*?<\/section>/.exec(
        await reportHtml(runResult(changes), differential()),
      )?.[0] ?? "";
    const stack = await methodsOf({});
    for (const said of ["STACK large", "haystack 0.1.0", "random seed 4242", "Wilcoxon", "kang18"])
      expect(stack).toContain(said);
    expect(stack).toContain("Dong M et al.");
    const baseline = await methodsOf({ model: { name: "delta-transfer", is_baseline: true } });
    expect(baseline).not.toContain("Dong M et al.");
    expect(baseline).toContain("no trained model");
  });

  test("escapes hostile text everywhere", async () => {
    const html = await reportHtml(hostileResult(), differential([HOSTILE]));
    expect(html).not.toMatch(/<img|onerror='/);
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html.match(/<\/style>/g)).toHaveLength(1);
    expect(html.match(/<\/title>/g)).toHaveLength(1);
    expect(html).not.toContain("\u0000");
    expect(html.isWellFormed()).toBe(true);
  });

  test("same input, same bytes, also when reports are made at the same time", async () => {
    const alone = await reportHtml(runResult(), differential());
    const together = await Promise.all([
      reportHtml(runResult(), differential()),
      reportHtml(hostileResult(), differential([HOSTILE])),
      reportHtml(runResult(), differential()),
    ]);
    expect(together[0]).toBe(alone);
    expect(together[2]).toBe(alone);
  });

  test("holds its size: of 40,000 quiet genes about 3,000 are drawn, and it says so", async () => {
    const n = 40_000;
    const de = {
      genes: Array.from({ length: n }, (_, i) => `G${i}`),
      log2_fold_change: Float64Array.from({ length: n }, (_, i) => Math.sin(i)),
      p_value: new Float64Array(n).fill(0.5),
      p_adjusted: Float64Array.from({ length: n }, (_, i) => 0.1 + 0.9 * Math.abs(Math.cos(i * 3))),
      is_de: new Uint8Array(n),
    };
    const html = await reportHtml(runResult(), de);
    expect(html).toContain("Of 40,000 genes without significant change, every 14th is drawn.");
    expect(html.length).toBeLessThan(800_000);
  });

  test("stands an answer without genes, pathways, evidence or a finite test result", async () => {
    const [first] = runResult().iterations;
    if (first === undefined) throw new Error("The fixture has iterations.");
    const empty = {
      ...first,
      top_genes: [],
      enriched: [],
      grounding: { ...first.grounding, evidence: [], feedback: [] },
    };
    const nothing = new Float64Array(2).fill(Number.NaN);
    const de = {
      genes: ["A", "B"],
      log2_fold_change: nothing,
      p_value: nothing,
      p_adjusted: nothing,
      is_de: new Uint8Array(2),
    };
    const html = await reportHtml(runResult({ iterations: [empty], delivered_iteration: 1 }), de);
    expect(html).toContain("0 of 2 genes change expression");
    expect(html).toContain("No gene counts as changed.");
    expect(html).toContain("No pathway is enriched");
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("a delivered iteration that is missing is an error, not an empty page", async () => {
    await expect(
      reportHtml(runResult({ delivered_iteration: 9 }), differential()),
    ).rejects.toMatchObject({ code: "INTERNAL" });
  });
});

describeWithPython("the report, parsed", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "haystack-report-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const PARSE = `
import json, sys, xml.etree.ElementTree as ET
root = ET.parse(json.loads(sys.argv[1])["path"]).getroot()
parents = {child: parent for parent in root.iter() for child in parent}
def inside_figure(svg):
    parent = parents[svg]
    return svg.get("aria-hidden") == "true" and (parent.get("role") == "img" and len(parent.get("aria-label")) > 20 or parent.tag == "li")
ids = [e.get("id") for e in root.iter() if e.get("id")]
print(json.dumps({
  "tags": sorted({e.tag for e in root.iter()}),
  "svgs": [inside_figure(e) for e in root.iter("svg")],
  "tables": [t.find("caption") is not None and all(th.get("scope") for th in t.iter("th")) and len(t.findall("thead/tr/th")) > 0
             and len({len(list(row)) for row in t.iter("tr")}) == 1 for t in root.iter("table")],
  "links": [e.get("href") for e in root.iter("a") if not e.get("href").startswith("#")],
  "missing": [e.get("href") for e in root.iter("a") if e.get("href").startswith("#") and e.get("href")[1:] not in ids],
  "ids_unique": len(ids) == len(set(ids)),
  "labelled": [e.get("aria-labelledby") in ids for e in root.iter("section") if e.get("aria-labelledby")],
  "headings": [e.tag for e in root.iter() if e.tag in ("h1", "h2", "h3")],
  "text": "".join(root.itertext()),
}))`;
  interface Parsed {
    readonly tags: readonly string[];
    readonly svgs: readonly boolean[];
    readonly tables: readonly boolean[];
    readonly links: readonly string[];
    readonly missing: readonly string[];
    readonly ids_unique: boolean;
    readonly labelled: readonly boolean[];
    readonly headings: readonly string[];
    readonly text: string;
  }

  test.for([
    ["plain", runResult(), differential(), runResult().query],
    [
      "hostile",
      hostileResult(),
      differential([HOSTILE]),
      HOSTILE.replace("\u0000\ud800", "\ufffd\ufffd"),
    ],
  ] as const)(
    "%s: well-formed, accessible, no foreign element",
    async ([name, result, de, question]) => {
      const path = join(folder, `${name}.html`);
      await writeFile(path, await reportHtml(result, de));
      const page = await runPython<Parsed>(PARSE, { path });
      expect(
        page.tags.filter((tag) =>
          ["img", "link", "iframe", "image", "use", "foreignObject"].includes(tag),
        ),
      ).toEqual([]);
      expect(page.links.length > 0).toBe(name !== "hostile");
      expect(page.missing).toEqual([]);
      expect(page.svgs.length).toBeGreaterThanOrEqual(4);
      expect(page.svgs).not.toContain(false);
      expect(page.tables.length).toBeGreaterThanOrEqual(7);
      expect(page.tables).not.toContain(false);
      expect(page.ids_unique).toBe(true);
      expect(page.labelled).not.toContain(false);
      expect(page.headings.slice(0, 2)).toEqual(["h1", "h2"]);
      expect(page.text).toContain(question);
    },
  );
});
