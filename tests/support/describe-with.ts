import { describe } from "vitest";
import type { RealPart } from "./real-parts.ts";

/**
 * A suite that needs all these parts: skipped where one is missing, which the reporter says at the
 * end. Throws where one is missing in CI. (`describe.skip` is another function at every access, so
 * nothing can be told from comparing with it.)
 */
export function describeWith(...parts: readonly RealPart[]): typeof describe.skip {
  const missing = parts.filter(({ found }) => found === undefined);
  if (missing.length === 0) return describe;
  if (process.env["CI"] === "true")
    throw new Error(missing.map(({ name, hint }) => `CI needs ${name}: ${hint}.`).join(" "));
  return describe.skip;
}

/** Where the part is, for what runs only when it is there. */
export function placeOf({ name, found, hint }: RealPart): string {
  if (found === undefined) throw new Error(`There is not ${name}: ${hint}.`);
  return found;
}
