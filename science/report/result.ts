import type { FoundPrediction } from "./found.ts";
import { HaystackError } from "../../errors.ts";
import type { EnrichedPathway, GroundingScore, TopGene } from "../grounding/grounding.ts";
import type { ExpectedAccuracy } from "../accuracy/accuracy-schema.ts";
import type { PromptPlan, PromptStrategy } from "../prompting/prompt-plan.ts";
import type { ControlStrategy, StructuredQuery } from "../query/structured-query.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";

/**
 * All that the delivered files need of a run. Plain JSON; the field names are those of the run
 * document.
 */
export interface RunResult {
  readonly run_id: string;
  readonly query: string;
  readonly structured_query: StructuredQuery;
  readonly config: {
    readonly max_iterations: number;
    readonly score_threshold: number;
    readonly control_strategy: ControlStrategy;
    readonly deliver: "best" | "last";
    readonly plateau_window: number;
    readonly min_improvement: number;
  };
  readonly random_seed: number;
  readonly control_strategy: ControlStrategy;
  readonly control_strategy_effective: ControlStrategy;
  readonly control_cells_available: boolean;
  readonly model: { readonly name: string; readonly is_baseline: boolean };
  readonly atlas: readonly {
    readonly dataset: string;
    readonly simulated: boolean;
    readonly source_file: string;
    readonly source_sha256: string;
  }[];
  /** In order, every iteration that was evaluated; at least the delivered one. */
  readonly iterations: readonly IterationResult[];
  readonly delivered_iteration: number;
  readonly termination_reason: "converged" | "max_iterations" | "plateau" | "no_expected_gain";
  /** The score of the delivered iteration. */
  readonly final_score: number;
  readonly expected_accuracy?: ExpectedAccuracy | null;
  readonly usage: {
    readonly gpu_seconds: number;
    readonly gpu_cost_usd: number;
    readonly llm_tokens: number;
    readonly llm_cost_usd: number;
  };
  /** ISO 8601, UTC. */
  readonly timestamps: { readonly created_at: string; readonly started_at: string };
  readonly software: { readonly name: string; readonly version: string };
}

export interface IterationResult {
  readonly iteration: number;
  readonly plan: PromptPlan;
  readonly grounding: GroundingScore;
  /** Strongest first. */
  readonly top_genes: readonly TopGene[];
  /** Most significant first. */
  readonly enriched: readonly EnrichedPathway[];
  /** Absent in evaluations of earlier releases. */
  readonly gene_sets_tested?: number;
  readonly jobs: readonly JobLedgerEntry[];
  /** All that were tried side by side, where there were several; the plan is of the one that counts. */
  readonly prompts?: readonly TriedPromptResult[];
  /**
   * Where a mixture counts: the predictions that it is of, and what is expected of the best of them
   * alone. The plan is then of their prompts together.
   */
  readonly mixture?: {
    readonly predictions: readonly string[];
    readonly alone: ExpectedAccuracy;
  };
  /** Absent where every prediction was made for this iteration. */
  readonly found_predictions?: readonly FoundPrediction[];
}

/** One prompt of a round of several, and how its prediction did. */
export interface TriedPromptResult {
  readonly candidate_id: string;
  readonly prompt_strategy: PromptStrategy;
  readonly prompt_rationale: string;
  readonly prompt_cells: number;
  /** Its pairs in the job. */
  readonly prediction: string;
  readonly control: string | null;
  readonly score: number;
  readonly component_scores: Readonly<Record<string, number | null>>;
  readonly expected_accuracy?: ExpectedAccuracy | undefined;
}

/** One attempt of an inference job: what it ran on, and what it cost. */
export interface JobLedgerEntry {
  readonly job_id: string;
  readonly kind: "prediction" | "control" | "round";
  readonly attempt: number;
  readonly state: string;
  /** Null when the job never ran. */
  readonly run_seconds: number | null;
  /** The machine with its accelerators, and how it is paid for; null where nothing is paid for. */
  readonly offer: {
    readonly machine: string;
    readonly provisioning: "SPOT" | "STANDARD" | "FLEX_START";
    readonly usd_per_hour: number;
  } | null;
  readonly cost_usd: number;
  readonly lost_to_preemption: boolean;
  /** Why the attempt failed. */
  readonly problem: string | null;
}

/** All attempts of a run in order, and what they cost together. */
export function jobLedger(result: RunResult) {
  const entries = result.iterations.flatMap(({ iteration, jobs }) =>
    jobs.map((job) => ({ iteration, ...job })),
  );
  const lost = entries.filter(({ lost_to_preemption }) => lost_to_preemption);
  const total = (jobs: readonly JobLedgerEntry[]) => ({
    run_seconds: jobs.reduce((sum, { run_seconds }) => sum + (run_seconds ?? 0), 0),
    cost_usd: jobs.reduce((sum, { cost_usd }) => sum + cost_usd, 0),
  });
  return {
    entries,
    isPaid: entries.some(({ offer }) => offer !== null),
    total: total(entries),
    lost: total(lost),
  };
}

/** Errors: INTERNAL when the delivered iteration is not among the iterations. */
export function deliveredIteration(result: RunResult): IterationResult {
  const found = result.iterations.find(({ iteration }) => iteration === result.delivered_iteration);
  if (found === undefined) {
    throw new HaystackError(
      "INTERNAL",
      `Run ${result.run_id} delivers iteration ${result.delivered_iteration}, which it has no record of; run it again.`,
    );
  }
  return found;
}

export function isSimulated(result: RunResult): boolean {
  return result.atlas.some(({ simulated }) => simulated);
}

/** Whether a gene, named as in var, is one whose expression is expected to change. */
export function targetTest(query: StructuredQuery): (gene: string) => boolean {
  const symbols = new Set(query.expected_targets.map(({ gene }) => geneSymbol(gene)));
  return (gene) => symbols.has(geneSymbol(gene));
}
