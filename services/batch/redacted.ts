import type { BatchService, JobStatus } from "./index.ts";

/** Secrets that an inference program tells of leave no trace in runs, reports, mails and logs. */
export function redactedBatch(batch: BatchService, redact: (text: string) => string): BatchService {
  const cleaned = <Status extends JobStatus | undefined>(status: Status): Status =>
    status?.failure === undefined
      ? status
      : { ...status, failure: { ...status.failure, reason: redact(status.failure.reason) } };
  return {
    ...batch,
    submit: async (spec, signal) => cleaned(await batch.submit(spec, signal)),
    get: async (jobId, signal) => cleaned(await batch.get(jobId, signal)),
  };
}
