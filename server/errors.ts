import { z } from "zod";
import { ERROR_CATALOGUE, type ErrorCode, type HaystackError } from "../errors.ts";

/** The one form of an error body. */
export const errorBodySchema = z
  .object({
    error: z.enum(Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]]),
    error_type: z.enum(["client", "server", "upstream"]),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
    run_id: z.string().optional(),
  })
  .meta({ id: "Error" });
type ErrorBody = z.infer<typeof errorBodySchema>;

const description = (text: string) => ({ description: text, content: { "application/json": { schema: errorBodySchema } } });

/** Errors that any route may answer; spread into `schema.response`, with the route's own beside it. */
export const errorResponses = {
  "4xx": description("The request cannot be served as it is; the message says what to do."),
  "5xx": description("Something failed here or at a service behind; details are in the log."),
} as const;

const errorType = (status: number): ErrorBody["error_type"] => (status < 500 ? "client" : status === 500 ? "server" : "upstream");

export function errorBody(error: HaystackError): { readonly status: number; readonly body: ErrorBody } {
  const status = ERROR_CATALOGUE[error.code].httpStatus;
  const { run_id, ...details } = error.details ?? {};
  return {
    status,
    body: {
      error: error.code,
      error_type: errorType(status),
      message: error.message,
      ...(Object.keys(details).length === 0 ? {} : { details }),
      ...(typeof run_id === "string" ? { run_id } : {}),
    },
  };
}
