import { createHash } from "node:crypto";

const hex = (text: string, digits: number): string =>
  createHash("sha256").update(text).digest("hex").slice(0, digits);

/**
 * The trace of a run: derived from its id, so that every daemon, also after a restart, goes on with
 * the same one.
 */
export const traceIdOf = (runId: string): string => hex(`trace of run ${runId}`, 32);

/** The span of the whole run, parent of all others of its trace. */
export const runSpanIdOf = (runId: string): string => hex(`span of run ${runId}`, 16);
