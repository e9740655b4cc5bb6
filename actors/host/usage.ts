import { modelSpent } from "../../machines/run-actions.ts";
import type { RunContext } from "../../machines/run-types.ts";
import type { BatchService } from "../../services/batch/index.ts";
import type { Usage } from "../../services/runs/document.ts";
import { costAtLimit } from "../reserved-money.ts";

/** What its jobs under way may yet cost; absent where that is nothing. */
const reserved = ({ jobs, config }: RunContext): Pick<Usage, "gpu_reserved_usd"> => {
  const usd = jobs
    .filter(({ state }) => state === "submitted")
    .reduce((sum, { offer }) => sum + costAtLimit(offer, config.job_deadline_seconds), 0);
  return usd > 0 ? { gpu_reserved_usd: usd } : {};
};

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
    ...reserved(context),
    llm_tokens: modelSpent(context).tokens,
    llm_cost_usd: modelSpent(context).usd,
  });
