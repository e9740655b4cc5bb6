/**
 * What may be shown of a machine's context or event outside of the run it belongs to: numbers,
 * flags, and the texts that are names or states of ours. All other text is left out, so what a user
 * wrote, an address or a message never gets there, whatever is added later.
 */
const SHOWN_TEXTS: ReadonlySet<string> = new Set([
  "type",
  "status",
  "state",
  "pairs",
  "phase",
  "code",
  "kind",
  "key",
  "job_id",
  "job_ids",
  "remaining",
  "run_id",
  "candidate_id",
  "prompt_strategy",
  "control",
  "control_job",
  "control_strategy",
  "control_strategy_effective",
  "termination_reason",
  "confidence",
  "deliver",
  "first_prompt",
  "machine",
  "prediction",
  "provisioning",
  "failure",
  "verdict",
  "transfer",
]);

function shown(key: string, value: unknown): unknown {
  if (typeof value === "string") return SHOWN_TEXTS.has(key) ? value : undefined;
  if (Array.isArray(value))
    return value.map((each) => shown(key, each)).filter((each) => each !== undefined);
  if (typeof value !== "object" || value === null)
    return typeof value === "function" ? undefined : value;
  return Object.fromEntries(
    Object.entries(value)
      .flatMap(([name, inner]) => (inner === undefined ? [] : [[name, shown(name, inner)]]))
      .filter(([, inner]) => inner !== undefined),
  );
}

/** A plain JSON copy of `value` that holds no text but names and states of ours. */
export const sanitise = (value: object): Record<string, unknown> =>
  shown("", value) as Record<string, unknown>;
