import type { Transfer } from "../accuracy/accuracy-schema.ts";

/** What one iteration shows the model, and why. Plain JSON: it lives in a machine context. */

export const PROMPT_STRATEGIES = ["direct", "mechanistic", "semantic", "ontology"] as const;
export type PromptStrategy = (typeof PROMPT_STRATEGIES)[number];

/**
 * A part of a prompt: cells drawn without replacement from one perturbed group, and its matched
 * controls.
 */
export interface PromptPart {
  readonly group_id: string;
  readonly n_cells: number;
  /** Null under query_as_control, or when the group has no matched control. */
  readonly control_group_id: string | null;
  readonly n_control_cells: number;
  /** Share of this part in the mixture; the shares of a plan sum to 1. */
  readonly weight: number;
}

/** One ranked way to prompt: a single group or a mixture of groups. */
export interface PromptCandidate {
  /**
   * Deterministic id of the content (strategy + parts): a prompt is never repeated within a run.
   */
  readonly candidate_id: string;
  readonly strategy: PromptStrategy;
  readonly parts: readonly PromptPart[];
  /** 0 to 1, the ranking key: knowledge match times the data-driven prior. */
  readonly rank_score: number;
  /**
   * Similarity (Pearson, -1 to 1) of the parts' matched controls to the query cells; null when
   * unmeasurable.
   */
  readonly control_similarity: number | null;
  /** One or two sentences a biologist can read. */
  readonly rationale: string;
  /**
   * Share of its cells that are the asked cells under the asked perturbation (of the asked donor, at
   * the asked dose and time, where the question names them): what they show is read, not predicted.
   * Absent where there are none.
   */
  readonly reads?: number;
  /**
   * The perturbation of its cells, where that is not the asked one: id in the knowledge, else
   * label.
   */
  readonly stand_in?: string;
  /** What else was done to some of its cells and not to others: "genotype (STAT1 KO, WT)". */
  readonly pooled?: readonly string[];
  /** Its name, to be read; absent where the knowledge has none, and in earlier releases. */
  readonly stand_in_name?: string;
}

/** What stands in for the asked perturbation, to be read; undefined where nothing does. */
export const standInOf = ({
  stand_in,
  stand_in_name,
}: Pick<PromptCandidate, "stand_in" | "stand_in_name">): string | undefined =>
  stand_in_name ?? stand_in;

/** One prompt of a round. */
export interface PlannedPrompt {
  readonly chosen: PromptCandidate;
  /** How the built-in baseline carries the response over; absent where another model predicts. */
  readonly transfer?: Transfer;
}

export interface PromptPlan extends PlannedPrompt {
  readonly iteration: number;
  /** Those that are tried beside the chosen one, in order; absent where there is none. */
  readonly beside?: readonly PlannedPrompt[];
  /**
   * The best candidates considered, the best of each strategy among them, in rank order, without
   * their parts; at most 8.
   */
  readonly considered: readonly {
    readonly candidate_id: string;
    readonly strategy: PromptStrategy;
    readonly rank_score: number;
    readonly rationale: string;
  }[];
  /** Control cells of the asked cell type, whose response is predicted. */
  readonly query_parts: readonly { readonly group_id: string; readonly n_cells: number }[];
  readonly seed: number;
  /** Present when a language model chose among the candidates. */
  readonly model_choice?: {
    readonly model: string;
    readonly reason: string;
    readonly instead_of: string;
  };
  /** Why the ranking decided although a language model was asked. */
  readonly model_problem?: string;
  /** Why names were compared by their letters although embeddings were asked for. */
  readonly embedding_problem?: string;
}

export const promptsOf = ({ chosen, transfer, beside = [] }: PromptPlan): PlannedPrompt[] => [
  { chosen, ...(transfer === undefined ? {} : { transfer }) },
  ...beside,
];

/** The plan as if this one of its prompts had been chosen alone. */
export function planWith(plan: PromptPlan, candidateId: string): PromptPlan {
  const { transfer: _first, beside: _beside, ...rest } = plan;
  const prompt = promptsOf(plan).find(({ chosen }) => chosen.candidate_id === candidateId);
  if (prompt === undefined) throw new Error(`The plan has no prompt ${candidateId}.`);
  return { ...rest, ...prompt };
}

/** What prompting knows of a prompt of an earlier iteration. */
export interface IterationFeedback {
  readonly iteration: number;
  readonly candidate_id: string;
  readonly strategy: PromptStrategy;
  /** In words, what was shown and why. */
  readonly rationale: string;
  readonly score: number;
  readonly component_scores: Readonly<Record<string, number>>;
  readonly feedback: readonly string[];
}
