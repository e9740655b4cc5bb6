import { HaystackError } from "../../errors.ts";
import { given } from "../../given.ts";
import type { BatchService, JobStatus, PlacedJob } from "./index.ts";

/** Secrets that an inference program tells of leave no trace in runs, reports, mails and logs. */
export function redactedBatch(batch: BatchService, redact: (text: string) => string): BatchService {
  const cleaned = <Status extends JobStatus | undefined>(status: Status): Status => {
    if (status === undefined) return status;
    const { failure, held } = status;
    return {
      ...status,
      ...(failure && { failure: { ...failure, reason: redact(failure.reason) } }),
      ...(held && { held: { ...held, reason: redact(held.reason) } }),
    };
  };
  return {
    ...batch,
    submit: async (spec, signal) => cleaned(await batch.submit(spec, signal)),
    get: async (jobId, signal, at) => cleaned(await batch.get(jobId, signal, at)),
    ...given({
      look:
        batch.look &&
        (async (jobs: readonly PlacedJob[], signal?: AbortSignal) =>
          new Map(
            [...((await batch.look?.(jobs, signal)) ?? [])].map(([id, status]) => [
              id,
              status instanceof HaystackError ? status : cleaned(status),
            ]),
          )),
    }),
  };
}
