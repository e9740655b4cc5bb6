import { flag, whole } from "../forms.ts";

/** For how long ended runs are kept. */
export const retention = {
  RETAIN_DAYS: whole(1, 36_500)
    .optional()
    .describe("Days after their end for which runs are kept; for ever if unset"),
  RETAIN_RUNS_PER_USER: whole(1, 10_000_000)
    .optional()
    .describe("Maximum number of ended runs that are kept of each user; the oldest go first"),
  RETAIN_RUNS: whole(1, 100_000_000)
    .optional()
    .describe("Maximum number of ended runs that are kept; the oldest go first"),
  RETAIN_AUDIT_DAYS: whole(1, 36_500)
    .optional()
    .describe("Days for which the audit log is kept; for ever if unset"),
  RETAIN_RESULTS: flag()
    .default(false)
    .describe(
      "Keep question, answer and result files of completed runs beyond these limits, and remove working files only",
    ),
};
