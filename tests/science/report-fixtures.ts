import type { AnnData } from "../../science/anndata/anndata.ts";
import type {
  DifferentialExpression,
  EnrichedPathway,
  GroundingScore,
  TopGene,
} from "../../science/grounding/grounding.ts";
import type { PromptPlan } from "../../science/prompting/prompt-plan.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { renderReport } from "../../science/report/report.ts";
import type { IterationResult, RunResult } from "../../science/report/result.ts";
import type { PredictedResponse } from "../../science/response/predicted-response.ts";

const UP = [
  "ISG15",
  "IFIT3",
  "IFIT1",
  "ISG20",
  "IFITM3",
  "MX1",
  "LY6E",
  "CXCL10",
  "IFI6",
  "TNFSF10",
  "OAS1",
  "STAT1",
  "RSAD2",
  "CCL8",
];
const DOWN = ["IL8", "CCL3", "FTH1", "TIMP1", "CD14", "S100A8"];
const FILLER = 600;

/**
 * Strong genes of the interferon response, then genes that hardly change, then one without a test
 * result.
 */
export function differential(extraGenes: readonly string[] = []): DifferentialExpression {
  const strong = [...UP, ...DOWN, ...extraGenes];
  const quiet = Array.from({ length: FILLER }, (_, i) => `GENE${i + 1}`);
  const genes = [...strong, ...quiet, "UNTESTED"];
  const lfc = genes.map(
    (gene, i) =>
      (DOWN.includes(gene) ? -1 : 1) *
      (i < strong.length ? 4.2 - 0.12 * i : 0.6 * Math.sin(i * 7.13)),
  );
  const p = genes.map((_, i) =>
    i < strong.length ? 10 ** -(60 - 2 * i) : Math.abs(Math.cos(i * 3.7)) ** 1.5,
  );
  lfc[genes.length - 1] = Number.NaN;
  p[genes.length - 1] = Number.NaN;
  return {
    genes,
    log2_fold_change: Float64Array.from(lfc),
    p_value: Float64Array.from(p),
    p_adjusted: Float64Array.from(p, (value) => Math.min(1, value * 1.4)),
    is_de: Uint8Array.from(genes, (_, i) => (i < strong.length ? 1 : 0)),
  };
}

export function topGenes(de: DifferentialExpression): readonly TopGene[] {
  const significant = de.genes.map((gene, i) => ({ gene, i })).filter(({ i }) => de.is_de[i] === 1);
  return significant.map(({ gene, i }) => ({
    gene,
    log2_fold_change: de.log2_fold_change[i] ?? 0,
    p_adjusted: de.p_adjusted[i] ?? 1,
    direction: (de.log2_fold_change[i] ?? 0) > 0 ? ("up" as const) : ("down" as const),
    is_target: ["ISG15", "MX1", "CCL8"].includes(gene),
    delta: (de.log2_fold_change[i] ?? 0) / 2,
    reliability: 0.75,
  }));
}

export const ENRICHED: readonly EnrichedPathway[] = [
  {
    id: "R-HSA-909733",
    name: "Interferon alpha/beta signaling",
    direction: "up",
    overlap: 9,
    pathway_size: 71,
    p_adjusted: 1.3e-9,
    genes: UP.slice(0, 9),
    source: "Reactome",
  },
  {
    id: "R-HSA-6783783",
    name: "Interleukin-10 signaling",
    direction: "down",
    overlap: 4,
    pathway_size: 47,
    p_adjusted: 0.0021,
    genes: DOWN.slice(0, 4),
    source: "Reactome",
  },
];

export const QUERY: StructuredQuery = {
  task_type: "perturbational",
  cell_type: {
    name: "CD14-positive monocyte",
    cell_ontology_id: "CL:0001054",
    matched_text: "CD14+ monocytes",
    match: "synonym",
    atlas_labels: ["CD14+ Monocytes"],
  },
  perturbation: {
    id: "ifn-beta",
    name: "Interferon beta",
    kind: "cytokine",
    external_ids: { hgnc: "IFNB1" },
    matched_text: "IFN-beta",
    match: "synonym",
    atlas_labels: ["IFN-beta"],
    targets: ["IFNAR1", "IFNAR2"],
  },
  expected_targets: [
    { gene: "ISG15", direction: "up", source: "Reactome R-HSA-909733" },
    { gene: "mx1", direction: "up", source: "Reactome R-HSA-909733" },
    { gene: "CCL8", direction: "up", source: "PMID 29227470" },
  ],
  expected_pathways: [
    {
      id: "R-HSA-909733",
      name: "Interferon alpha/beta signaling",
      direction: "up",
      source: "Reactome",
    },
  ],
  dose: null,
  time: "6 h",
  tissue: null,
  donor: null,
  ambiguities: [
    {
      field: "cell_type",
      text: "monocytes",
      chosen: "CD14-positive monocyte",
      alternatives: ["monocyte", "FCGR3A+ Monocytes"],
    },
  ],
  control_strategy_fallback: null,
  understood_by: "rules",
};

function plan(iteration: number, strategy: "direct" | "ontology"): PromptPlan {
  const rationale = `${strategy === "direct" ? "The same cytokine in the same cells" : "The same cytokine in the nearest cell types"}, seen in donor 101.`;
  return {
    iteration,
    chosen: {
      candidate_id: `${strategy}-${iteration}`,
      strategy,
      parts: [
        {
          group_id: "kang18/cd4-t-cells/ifn-beta/101",
          n_cells: 120,
          control_group_id: "kang18/cd4-t-cells/control/101",
          n_control_cells: 120,
          weight: 0.6,
        },
        {
          group_id: "kang18/b-cells/ifn-beta/101",
          n_cells: 80,
          control_group_id: null,
          n_control_cells: 0,
          weight: 0.4,
        },
      ],
      rank_score: 0.82,
      control_similarity: iteration === 1 ? null : 0.91,
      rationale,
    },
    considered: [
      { candidate_id: `${strategy}-${iteration}`, strategy, rank_score: 0.82, rationale },
      {
        candidate_id: "semantic-1",
        strategy: "semantic",
        rank_score: 0.41,
        rationale: "Interferon gamma shares the JAK-STAT pathway.",
      },
    ],
    query_parts: [{ group_id: "kang18/cd14-monocytes/control/101", n_cells: 200 }],
    seed: 1000 + iteration,
  };
}

function grounding(score: number): GroundingScore {
  return {
    score,
    components: [
      {
        name: "pathway_coherence",
        score: score + 0.4,
        weight: 0.3333,
        reason: "1 of 1 expected pathways is enriched in the expected direction.",
      },
      {
        name: "target_activation",
        score: score - 0.5,
        weight: 0.4,
        reason: "3 of 3 expected genes change as expected.",
      },
      {
        name: "literature_support",
        score: null,
        weight: 0,
        reason: "No literature service is set up.",
      },
      {
        name: "network_coherence",
        score: score - 0.2,
        weight: 0.2667,
        reason: "Changed genes are connected more than chance.",
      },
    ],
    evidence: [
      {
        id: "E1",
        component: "target_activation",
        statement: "ISG15 rises 18-fold, as expected.",
        supports: true,
        source: "Reactome R-HSA-909733",
      },
      {
        id: "E2",
        component: "pathway_coherence",
        statement: "Interleukin-10 signaling falls, which was not expected.",
        supports: false,
        source: "Reactome R-HSA-6783783",
      },
    ],
    feedback: ["Antigen presentation is expected up but not enriched."],
    confidence: "normal",
  };
}

export function runResult(changes: Partial<RunResult> = {}): RunResult {
  const genes = topGenes(differential());
  const iteration = (
    n: number,
    score: number,
    strategy: "direct" | "ontology",
  ): IterationResult => ({
    iteration: n,
    plan: plan(n, strategy),
    grounding: grounding(score),
    top_genes: genes,
    enriched: ENRICHED,
    jobs: [
      {
        job_id: `run-7f3a-i${n}-prediction-a1`,
        kind: "prediction",
        attempt: 1,
        state: "succeeded",
        run_seconds: 312.4,
        offer: null,
        cost_usd: 0,
        lost_to_preemption: false,
        problem: null,
      },
      {
        job_id: `run-7f3a-i${n}-control-a1`,
        kind: "control",
        attempt: 1,
        state: "failed",
        run_seconds: null,
        offer: null,
        cost_usd: 0,
        lost_to_preemption: false,
        problem: "It failed.",
      },
    ],
  });
  return {
    run_id: "run-7f3a",
    query: "How would CD14+ monocytes respond to IFN-beta after 6 h?",
    structured_query: QUERY,
    config: {
      max_iterations: 5,
      score_threshold: 7,
      control_strategy: "synthetic_control",
      deliver: "best",
      plateau_window: 3,
      min_improvement: 1,
    },
    random_seed: 4242,
    control_strategy: "synthetic_control",
    control_strategy_effective: "synthetic_control",
    control_cells_available: true,
    model: { name: "STACK large", is_baseline: false },
    atlas: [
      {
        dataset: "kang18",
        simulated: false,
        source_file: "kang18_ifnb_pbmc.h5ad",
        source_sha256: "9c1185a5c5e9fc54612808977ee8f548b2258d31",
      },
    ],
    iterations: [iteration(1, 5, "ontology"), iteration(2, 8, "direct")],
    delivered_iteration: 2,
    termination_reason: "converged",
    final_score: 8,
    usage: { gpu_seconds: 624.8, gpu_cost_usd: 0.61, llm_tokens: 15200, llm_cost_usd: 0.04 },
    timestamps: { created_at: "2025-03-04T10:00:00Z", started_at: "2025-03-04T10:00:03Z" },
    software: { name: "haystack", version: "0.1.0" },
    ...changes,
  };
}

/** The same as a response: means and reliability that no fold change can be told from. */
export function predicted(extraGenes: readonly string[] = []): PredictedResponse {
  const de = differential(extraGenes);
  const numbers = (value: (i: number) => number): Float64Array =>
    Float64Array.from(de.genes, (_, i) => value(i));
  return {
    ...de,
    predicted_mean: numbers((i) => 1 + i / 1000),
    reference_mean: numbers((i) => 1 - i / 1000),
    delta: numbers((i) => i / 500),
    reliability: numbers((i) => (i === 3 ? Number.NaN : 1 / (1 + i))),
    rank: Int32Array.from(de.genes, (_, i) => i + 1),
  };
}

/**
 * One cell of each origin over the genes of `differential()`, with columns that clash with ours and some that
 * do not.
 */
export function prediction(genes: readonly string[] = differential().genes): AnnData {
  const cells = ["AAACATACATTTCC-1", "AAACATACCAGAAA-1", "AAACATACCATGCA-1"];
  const perCell = 4;
  return {
    X: {
      nRows: cells.length,
      nCols: genes.length,
      data: Float32Array.from({ length: cells.length * perCell }, (_, i) => (i % 5) + 1),
      indices: Int32Array.from({ length: cells.length * perCell }, (_, i) => (i % perCell) * 3),
      indptr: Int32Array.from({ length: cells.length + 1 }, (_, i) => i * perCell),
    },
    obs: {
      index: cells,
      columns: {
        origin: ["prediction", "control", "control_prediction"],
        perturbation: ["prediction", "ctrl", "control_prediction"],
        cell_type: cells.map(() => "CD14+ Monocytes"),
        donor_id: ["101", null, "107"],
        n_counts: Float64Array.from([10, Number.NaN, 12]),
        iteration: ["old", "old", "old"],
        "batch/lane": Int32Array.from([1, 1, 2]),
        _index: cells,
        "": cells,
      },
    },
    var: {
      index: genes,
      columns: { ensembl_id: genes.map((_, i) => `ENSG${String(i).padStart(11, "0")}`) },
    },
    uns: { model: "earlier name", model_settings: { steps: 5 } },
  };
}

/** The page of a report. */
export const reportHtml = async (...input: Parameters<typeof renderReport>): Promise<string> =>
  (await renderReport(...input)).html;
