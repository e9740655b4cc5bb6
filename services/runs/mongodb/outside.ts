import { problemOf } from "../../../zod-words.ts";
import { createHash } from "node:crypto";
import { z } from "zod";
import {
  newRun,
  runConfigSchema,
  runDocumentSchema,
  runLabelsSchema,
  runNameSchema,
  type RunDocument,
  type RunErrorRecord,
} from "../document.ts";

/** Runs that another program inserted with some of the public fields only. */

const outsideSchema = z.object({
  query: z.string(),
  user_email: z.string().nullish(),
  name: runNameSchema.nullish(),
  labels: runLabelsSchema.nullish(),
  config: z.record(z.string(), z.unknown()).nullish(),
  control_strategy: runConfigSchema.shape.control_strategy.optional(),
  random_seed: runDocumentSchema.shape.random_seed.optional(),
});

function createdAt(raw: Readonly<Record<string, unknown>>, now: number): number {
  const given = raw["created_at"];
  const time =
    given instanceof Date
      ? given.getTime()
      : typeof given === "string"
        ? Date.parse(given)
        : Number.NaN;
  return Number.isNaN(time) ? now : time;
}

/** The same run gets the same seed, however often it is looked at before its first commit. */
const seedOf = (runId: string): number =>
  createHash("sha256").update(runId).digest().readUInt32BE();

/**
 * The whole document of such a run: what is missing gets its default; without `run_id` the
 * document's `_id` names it. Values that cannot be used make it a failed run (CONFIG_INVALID) that
 * says what to correct. A cancelled one stays cancelled.
 */
export function completeOutsideRun(
  raw: Readonly<Record<string, unknown>>,
  now: number,
): RunDocument {
  const runId = typeof raw["run_id"] === "string" ? raw["run_id"] : String(raw["_id"]);
  const created = createdAt(raw, now);
  const base = { run_id: runId, now: created, random_seed: seedOf(runId) };
  const isCancelled = raw["status"] === "cancelled";
  const given = outsideSchema.safeParse(raw);
  const config = runConfigSchema.safeParse({
    control_strategy: given.data?.control_strategy,
    ...given.data?.config,
  });
  if (given.success && config.success) {
    const { query, user_email, name, labels, random_seed } = given.data;
    const document = newRun({
      ...base,
      query,
      user_email: user_email ?? null,
      name: name ?? undefined,
      labels: labels ?? undefined,
      config: config.data,
      random_seed: random_seed ?? base.random_seed,
    });
    return {
      ...document,
      status: isCancelled ? "cancelled" : "pending",
      updated_at: new Date(now).toISOString(),
    };
  }
  const problems = [...(given.error?.issues ?? []), ...(config.error?.issues ?? [])].map((issue) =>
    problemOf(issue, "config"),
  );
  const error: RunErrorRecord = {
    code: "CONFIG_INVALID",
    message: `The run was inserted with invalid values: ${problems.join("; ")}; insert a new run with these corrected.`,
    retryable: false,
    phase: "pending",
  };
  const text = (name: string): string | null => (typeof raw[name] === "string" ? raw[name] : null);
  const ended = new Date(now).toISOString();
  const unusable = {
    ...newRun({ ...base, query: text("query") ?? "", user_email: text("user_email"), config: {} }),
    updated_at: ended,
    completed_at: ended,
  };
  if (isCancelled)
    return {
      ...unusable,
      status: "cancelled",
      current_phase: null,
      termination_reason: "cancelled",
    };
  return {
    ...unusable,
    status: "failed",
    termination_reason: "failed",
    error,
    error_message: error.message,
  };
}
