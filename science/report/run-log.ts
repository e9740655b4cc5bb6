import type { RunResult } from "./result.ts";

/** The transitions of a run as its document keeps them; the log passes them on unread. */
export type RunLog = RunResult & { readonly history: readonly object[] };

const FIELDS = [
  "run_id",
  "query",
  "structured_query",
  "final_score",
  "delivered_iteration",
  "termination_reason",
  "config",
  "random_seed",
  "control_strategy",
  "control_strategy_effective",
  "control_cells_available",
  "model",
  "software",
  "atlas",
  "timestamps",
  "usage",
  "iterations",
  "history",
] as const satisfies readonly (keyof RunLog)[];

/**
 * JSON text, two spaces of indent, final newline. The order of keys does not depend on how the
 * input was built.
 */
export function renderRunLog(log: RunLog): string {
  const fields = FIELDS.map((field) => [field, withSortedKeys(log[field])] as const);
  return `${JSON.stringify({ format: "haystack-log/1", ...Object.fromEntries(fields) }, null, 2)}\n`;
}

function withSortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSortedKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, withSortedKeys(inner)]));
}
