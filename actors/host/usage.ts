import { modelSpent } from "../../machines/run-actions.ts";
import type { RunContext } from "../../machines/run-types.ts";
import type { BatchService } from "../../services/batch/index.ts";
import type { Usage } from "../../services/runs/document.ts";

/**
 * What a run has used so far. The baseline uses no GPU, unless it runs on a machine that is paid
 * for as one.
 */
export const usageOf =
  (model: BatchService["model"]) =>
  (context: RunContext): Usage => ({
    gpu_seconds: context.jobs.reduce(
      (total, { run_seconds, offer }) =>
        total + (model.is_baseline && offer === null ? 0 : (run_seconds ?? 0)),
      0,
    ),
    gpu_cost_usd: context.jobs.reduce((total, { cost_usd }) => total + cost_usd, 0),
    llm_tokens: modelSpent(context).tokens,
    llm_cost_usd: modelSpent(context).usd,
  });
