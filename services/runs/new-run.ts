import { createHash, randomInt, randomUUID } from "node:crypto";
import { runConfigSchema, type RunConfig, type RunDocument } from "./document.ts";

export const newRunId = (): string => `run-${randomUUID().slice(0, 18).replaceAll("-", "")}`;
export const newSeed = (): number => randomInt(0x1_0000_0000);

/**
 * Id and seed of the run that an owner asked for under a key: the same for the same key, however
 * often it is sent.
 */
export function namedByKey(
  owner: string,
  key: string,
): { readonly run_id: string; readonly random_seed: number } {
  const hash = createHash("sha256")
    .update(JSON.stringify([owner, key]))
    .digest();
  return { run_id: `run-${hash.toString("hex", 0, 16)}`, random_seed: hash.readUInt32BE(16) };
}

export interface NewRun {
  readonly run_id: string;
  readonly query: string;
  readonly user_email: string | null;
  readonly config: Partial<RunConfig>;
  readonly random_seed: number;
  readonly now: number;
}

/** Addresses name users, whose identities are in lower case. */
export const userOfAddress = (address: string | null): string | null =>
  address?.toLowerCase() ?? null;

/** The document of a run that waits to begin. */
export function newRun({
  run_id,
  query,
  user_email,
  config,
  random_seed,
  now,
}: NewRun): RunDocument {
  const complete = runConfigSchema.parse(config);
  const created = new Date(now).toISOString();
  return {
    run_id,
    user_email: userOfAddress(user_email),
    query,
    config: complete,
    random_seed,
    status: "pending",
    current_phase: "pending",
    current_iteration: 0,
    structured_query: null,
    control_strategy: complete.control_strategy,
    control_strategy_effective: null,
    control_cells_available: null,
    grounding_scores: [],
    iterations: [],
    delivered_iteration: null,
    final_score: null,
    termination_reason: null,
    error: null,
    error_message: null,
    output_anndata_path: null,
    output_report_path: null,
    output_log_path: null,
    usage: { gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 },
    created_at: created,
    started_at: null,
    updated_at: created,
    completed_at: null,
  };
}
