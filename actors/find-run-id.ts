import { HaystackError, runNotFound } from "../errors.ts";
import type { RunDocument } from "../services/runs/document.ts";

const NAMED = 10;

/**
 * The id that `given` names: itself, or the only one that begins so. `candidates` are the newest
 * runs whose ids begin so. Errors: RUN_NOT_FOUND, USAGE when there are several.
 */
export function theRunId(
  given: string,
  candidates: readonly Pick<RunDocument, "run_id" | "status" | "query">[],
): string {
  if (candidates.some(({ run_id }) => run_id === given)) return given;
  const [first, ...others] = candidates;
  if (first === undefined || given === "") throw runNotFound(given);
  if (others.length === 0) return first.run_id;
  const named = candidates.slice(0, NAMED).map(({ run_id }) => run_id);
  throw new HaystackError(
    "USAGE",
    `${given} is the beginning of several ids (${named.join(", ")}${candidates.length > NAMED ? ", and more" : ""}); give more of the one you mean.`,
    { details: { candidates: named } },
  );
}

/** Candidates to ask for, so that one more than are named is seen. */
export const MOST_CANDIDATES = NAMED + 1;
