import { expect } from "vitest";
import type { ErrorCode } from "../../errors.ts";

/**
 * The whole body of a refused request. Its sentence belongs to its place: that there is one, and
 * one that ends, is what all have in common.
 */
export const refusalBody = (
  error: ErrorCode,
  error_type: "client" | "server" | "upstream",
  more: { readonly run_id?: string; readonly details?: Readonly<Record<string, unknown>> } = {},
) => ({
  error,
  error_type,
  message: expect.stringMatching(/^[A-Z][^]*\.$/) as string,
  ...more,
});

/** An answer that refuses, whole. */
export const refusal = (
  status: number,
  error: ErrorCode,
  more: Parameters<typeof refusalBody>[2] = {},
) => ({
  status,
  body: refusalBody(error, status < 500 ? "client" : status === 500 ? "server" : "upstream", more),
});
