import { HaystackError } from "../../../errors.ts";
import { GRPC, grpcCode, grpcFailure } from "../../http/grpc-reason.ts";

/** Cancelled, unknown, deadline exceeded, resource exhausted, aborted, internal, unavailable. */
const PASSING = new Set([1, 2, 4, 8, 10, 13, 14]);

/** True for what may pass by itself. */
export const isPassing = (thrown: unknown): boolean => {
  const code = grpcCode(thrown);
  return code !== undefined && PASSING.has(code);
};

/** `missing` says what to do where something does not exist. */
export function pubsubError(thrown: unknown, subscription: string, missing: string): HaystackError {
  if (thrown instanceof HaystackError) return thrown;
  const code = grpcCode(thrown);
  const why = thrown instanceof Error ? grpcFailure(thrown).reason : "the stream was closed";
  const message =
    code === GRPC.NOT_FOUND
      ? missing
      : code === GRPC.PERMISSION_DENIED || code === GRPC.UNAUTHENTICATED
        ? `This account may not use the Pub/Sub subscription ${subscription} (${why}); grant it roles/pubsub.subscriber, and roles/pubsub.editor if it is to create what is missing.`
        : `The Pub/Sub subscription ${subscription} delivers no job events at the moment (${why}); the connection is retried, and jobs are checked in Batch meanwhile.`;
  return new HaystackError("JOB_EVENTS_UNAVAILABLE", message, { cause: thrown });
}
