import type { JobKind } from "./run-types.ts";

/**
 * The name of an inference job: the same for the same run, iteration, kind and attempt (D4), and
 * valid for Google Batch (at most 63 of [a-z0-9-]). `run_id` must be a valid part of it: see
 * isRunId.
 */
export function jobId(runId: string, iteration: number, kind: JobKind, attempt: number): string {
  return `hs-${runId}-i${iteration}-${kind === "prediction" ? "p" : "c"}-a${attempt}`;
}

/**
 * Lower-case letters, digits and inner hyphens, at most 44: leaves room for the rest of a job id.
 */
export function isRunId(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,42}[a-z0-9])?$/.test(text);
}

/** The run that a job of ours belongs to; undefined for a job that is not. */
export function runOfJob(id: string): string | undefined {
  return /^hs-(.+)-i\d+-[pc]-a\d+$/.exec(id)?.[1];
}
