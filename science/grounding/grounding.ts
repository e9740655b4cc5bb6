import type { PlausibilityScale } from "../accuracy/accuracy-schema.ts";
import type { Direction } from "../query/structured-query.ts";

/**
 * The judgement of one prediction. Plain JSON, small: it lives in a machine context and in the run
 * document.
 */

export const GROUNDING_WEIGHTS = {
  pathway_coherence: 0.25,
  target_activation: 0.3,
  literature_support: 0.25,
  network_coherence: 0.2,
} as const;
export type GroundingComponentName = keyof typeof GROUNDING_WEIGHTS;
export const COMPONENT_NAMES_IN_WORDS: Readonly<Record<GroundingComponentName, string>> = {
  pathway_coherence: "pathway coherence",
  target_activation: "target activation",
  literature_support: "literature support",
  network_coherence: "network coherence",
};

/** One row of the evidence table. `supports` false: it speaks against the prediction. */
export interface EvidenceRow {
  readonly id: string;
  readonly component: GroundingComponentName;
  readonly statement: string;
  readonly supports: boolean;
  /** Neither for nor against, and `supports` false: no source says anything, or nothing moves. */
  readonly silent?: true;
  readonly source: string;
}

/**
 * score null: the component could not be measured, `reason` says why; its weight is shared among
 * the others.
 */
export interface GroundingComponent {
  readonly name: GroundingComponentName;
  readonly score: number | null;
  /** Weight after renormalisation; 0 when not measured. */
  readonly weight: number;
  readonly reason: string;
}

/**
 * What a language model gives the measured components, from the same evidence; the composite does
 * not use it.
 */
export interface ModelScores {
  readonly model: string;
  readonly components: readonly {
    readonly name: GroundingComponentName;
    /** Integer 1 to 10. */
    readonly score: number;
    /** Ids of evidence rows. */
    readonly cited: readonly string[];
    readonly reason: string;
  }[];
}

export interface GroundingScore {
  /**
   * Integer 1 to 10: the rounded weighted mean of the measured components, clamped; where `scale` is
   * known, read against measured responses.
   */
  readonly score: number;
  /** The score before it was read against measured responses; absent where that was not tried. */
  readonly raw_score?: number;
  readonly scale?: PlausibilityScale;
  readonly components: readonly GroundingComponent[];
  readonly evidence: readonly EvidenceRow[];
  /**
   * Concrete hints for the next prompt, e.g. "Interferon alpha/beta signaling is expected up but
   * not enriched".
   */
  readonly feedback: readonly string[];
  /**
   * "lower" under query_as_control, when the prompt supports the prediction weakly, or when little
   * of what is expected of the perturbation could be measured.
   */
  readonly confidence: "normal" | "lower";
  readonly model_scores?: ModelScores;
  /** Why there are none although a language model was asked. */
  readonly model_problem?: string;
}

export interface TopGene {
  readonly gene: string;
  readonly log2_fold_change: number;
  readonly p_adjusted: number;
  readonly direction: Direction;
  readonly is_target: boolean;
  /** Difference of mean log1p(CP10k), and how far the measured responses bear it out (0 to 1). */
  readonly delta: number;
  /** Absent where no measured responses are known. */
  readonly reliability?: number;
}

export interface EnrichedPathway {
  readonly id: string;
  readonly name: string;
  readonly direction: Direction;
  readonly overlap: number;
  readonly pathway_size: number;
  readonly p_adjusted: number;
  readonly genes: readonly string[];
  readonly source: string;
  /** Id of a more significant set of the same direction that holds half of these genes. */
  readonly alike?: string;
}

/** Differential expression over all genes; parallel arrays in var order. */
export interface DifferentialExpression {
  readonly genes: readonly string[];
  readonly log2_fold_change: Float64Array;
  readonly p_value: Float64Array;
  readonly p_adjusted: Float64Array;
  /** 1 where the gene counts as changed. */
  readonly is_de: Uint8Array;
  /** 1 for the first gene, by effect and by how far measured responses bear it out. */
  readonly rank?: Int32Array;
  /** 0 to 1; see PredictedResponse. */
  readonly reliability?: Float64Array;
}
