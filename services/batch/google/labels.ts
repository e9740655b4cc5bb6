import { createHash } from "node:crypto";
import type { InferenceJobSpec } from "../index.ts";

const LABEL = /^[a-z0-9_-]{1,63}$/;

/**
 * A valid label value; other texts are replaced by their hash, so that different texts stay
 * different.
 */
export const labelValue = (text: string): string =>
  LABEL.test(text)
    ? text
    : `sha256-${createHash("sha256").update(text).digest("hex").slice(0, 40)}`;

/** The labels by which an inference job is known as ours. */
export const identityOf = (spec: InferenceJobSpec): Record<string, string> => ({
  "haystack-run": labelValue(spec.run_id),
  "haystack-iteration": String(spec.iteration),
  "haystack-kind": spec.kind,
  "haystack-attempt": String(spec.attempt),
});

/** Under which a job carries the digest of its inputs. */
export const INPUTS = "haystack-inputs";

/** The digest of its inputs as a label can hold it. */
export const inputsLabel = ({ inputs }: Pick<InferenceJobSpec, "inputs">): string | undefined =>
  inputs === undefined ? undefined : inputs.slice(0, 63);

/** Undefined for a job of an earlier release. */
export const inputsOf = ({
  labels,
}: {
  readonly labels?: Readonly<Record<string, string>> | null;
}): string | undefined => labels?.[INPUTS];
