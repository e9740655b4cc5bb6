import { modelSpent } from "../machines/run-actions.ts";
import type { RunContext } from "../machines/run-types.ts";
import type { BatchService } from "../services/batch/index.ts";
import type { Usage } from "../services/runs/document.ts";

/** What a run has used so far. The baseline runs on the processor: it uses no GPU. */
export const usageOf = (model: BatchService["model"]) => (context: RunContext): Usage => ({
  gpu_seconds: model.is_baseline ? 0 : context.jobs.reduce((total, { run_seconds }) => total + (run_seconds ?? 0), 0),
  gpu_cost_usd: context.jobs.reduce((total, { cost_usd }) => total + cost_usd, 0),
  llm_tokens: modelSpent(context).tokens,
  llm_cost_usd: modelSpent(context).usd,
});
