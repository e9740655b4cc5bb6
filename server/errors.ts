import { z } from "zod";
import { ERROR_CATALOGUE, ERROR_TYPES, type ErrorCode } from "../errors.ts";

/** The one form of an error body. */
export const errorBodySchema = z
  .object({
    error: z.enum(Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]]),
    error_type: z.enum(ERROR_TYPES),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
    run_id: z.string().optional(),
  })
  .meta({ id: "Error" });

const description = (text: string) => ({
  description: text,
  content: { "application/json": { schema: errorBodySchema } },
});

/**
 * Errors that any route may answer; spread into `schema.response`, with the route's own beside it.
 */
export const errorResponses = {
  "4xx": description("The request cannot be served as sent; the message says what to do."),
  "5xx": description("This server, or a service behind it, failed; the log has the details."),
} as const;
