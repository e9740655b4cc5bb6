import type { ExpectedAccuracy, Transfer } from "../accuracy/accuracy-schema.ts";
import type { ControlStrategy, ModelRole, StructuredQuery } from "../query/structured-query.ts";
import type { IterationResult } from "./result.ts";

/** What the answer of a run rests on. Told in the same words wherever a run is shown. */
export interface Basis {
  readonly title: string;
  readonly text: string;
  /** Must be known before the answer is used. */
  readonly caution: boolean;
}

/** The field names are those of the run document. */
export interface BasisFacts {
  readonly structured_query: StructuredQuery | null;
  readonly control_strategy_effective: ControlStrategy | null;
  /** Absent before the question is understood, and in runs of earlier releases. */
  readonly atlases?:
    | readonly { readonly dataset: string; readonly simulated: boolean }[]
    | undefined;
  readonly iterations: readonly {
    readonly iteration: number;
    readonly confidence: "normal" | "lower";
    /** Where several prompts were tried side by side. */
    readonly prompts?: readonly object[] | undefined;
    /** Where predictions of several of them are delivered together. */
    readonly mixture?: IterationResult["mixture"] | undefined;
    readonly expected_accuracy?: ExpectedAccuracy | undefined;
    /** Absent in runs of earlier releases. */
    readonly model?: { readonly name: string; readonly is_baseline: boolean } | undefined;
    readonly transfer?: Transfer | undefined;
    /** The perturbation of the prompt cells, where it stands in for the asked one. */
    readonly stand_in?: string | undefined;
    /** What else was done to some of the prompt cells and not to others. */
    readonly pooled?: readonly string[] | undefined;
    /** Where a language model was asked and did not decide. */
    readonly model_problems?:
      | readonly { readonly role: ModelRole; readonly problem: string }[]
      | undefined;
  }[];
  readonly delivered_iteration: number | null;
  readonly usage: {
    readonly gpu_seconds: number;
    readonly gpu_cost_usd: number;
    readonly llm_tokens: number;
    readonly llm_cost_usd: number;
  };
}

export const fact = (title: string, text: string): Basis => ({ title, text, caution: false });
export const caution = (title: string, text: string): Basis => ({ title, text, caution: true });

/** The delivered iteration; before, the newest. */
export const shownIteration = ({ iterations, delivered_iteration }: BasisFacts) =>
  iterations.find(({ iteration }) => iteration === delivered_iteration) ?? iterations.at(-1);
