import type { BatchService } from "../services/batch/index.ts";
import type { RunStore } from "../services/runs/index.ts";
import { estimateInWords } from "./run-estimate/estimate-in-words.ts";
import { estimateRun, type Asked, type RunEstimate } from "./run-estimate/estimate-run.ts";
import { measuredRuns } from "./run-estimate/measured-runs.ts";

interface Parts {
  readonly runs: Pick<RunStore, "get" | "history" | "list">;
  readonly batch: Pick<BatchService, "model" | "offer" | "predictor">;
  readonly config: {
    readonly OPENAI_API_KEY?: string | undefined;
    readonly MAX_GPU_USD_PER_RUN: number;
  };
  /** Of a run that does not say. */
  readonly promptsPerRound: number;
}

export type ToldEstimate = RunEstimate & { readonly in_words: string };
export type RunEstimator = (asked: Asked) => Promise<ToldEstimate>;

/** Estimates runs of this deployment. Error STORE_UNAVAILABLE. */
export function runEstimator({ runs, batch, config, promptsPerRound }: Parts): RunEstimator {
  const completed = measuredRuns(runs);
  const surroundings = {
    batch,
    has_language_model: config.OPENAI_API_KEY !== undefined,
    most_gpu_usd: config.MAX_GPU_USD_PER_RUN,
    prompts_per_round: promptsPerRound,
  };
  return async (asked) => {
    const estimate = estimateRun(asked, surroundings, await completed());
    return { ...estimate, in_words: estimateInWords(estimate) };
  };
}
