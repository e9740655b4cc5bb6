import { HaystackError } from "../../../errors.ts";

/** gRPC status codes that the adapter tells apart. */
export const NOT_FOUND = 5;
export const ALREADY_EXISTS = 6;
export const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;
/** Cancelled, unknown, deadline exceeded, resource exhausted, aborted, internal, unavailable. */
const PASSING = new Set([1, 2, 4, 8, 10, 13, 14]);

export const codeOf = (thrown: unknown): number | undefined =>
  thrown instanceof Error && "code" in thrown && typeof thrown.code === "number"
    ? thrown.code
    : undefined;

/** True for what may pass by itself. */
export const isPassing = (thrown: unknown): boolean => {
  const code = codeOf(thrown);
  return code !== undefined && PASSING.has(code);
};

/** `missing` says what to do where something does not exist. */
export function pubsubError(thrown: unknown, subscription: string, missing: string): HaystackError {
  if (thrown instanceof HaystackError) return thrown;
  const why = thrown instanceof Error ? thrown.message : "the stream was closed";
  const code = codeOf(thrown);
  const message =
    code === NOT_FOUND
      ? missing
      : code === PERMISSION_DENIED || code === UNAUTHENTICATED
        ? `This account may not use the Pub/Sub subscription ${subscription} (${why}); grant it roles/pubsub.subscriber, and roles/pubsub.editor if it is to create what is missing.`
        : `The Pub/Sub subscription ${subscription} delivers no job events at the moment (${why}); the connection is retried, and jobs are checked in Batch meanwhile.`;
  return new HaystackError("JOB_EVENTS_UNAVAILABLE", message, { cause: thrown });
}
