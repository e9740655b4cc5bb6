import { z } from "zod";
import { ERROR_TYPES, type ErrorCode } from "../errors.ts";
import { ERROR_CATALOGUE } from "../error-catalogue.ts";

const CODES = Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]];

/** The one form of an error body. Clients learn from the description which errors may pass. */
export const errorBodySchema = z
  .object({
    error: z
      .enum(CODES)
      .meta({ "x-retryable": CODES.filter((code) => ERROR_CATALOGUE[code].retryable) }),
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
