import { z } from "zod";

/**
 * What is wrong with a value, in our words: the end of a sentence that begins with its name. The one
 * place where what zod finds becomes text.
 */

type Issue = z.core.$ZodRawIssue;

/** Of a schema of numbers. */
interface Bounds {
  readonly minValue?: number | null;
  readonly maxValue?: number | null;
}

const boundsOf = ({ schema }: { readonly schema?: unknown }): Bounds =>
  (schema as Bounds | undefined) ?? {};

const plural = (count: number | bigint, noun: string): string =>
  `${count} ${noun}${Number(count) === 1 ? "" : "s"}`;

const either = (values: readonly unknown[]): string => {
  const texts = values.map(String);
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} or ${texts.at(-1)}`;
};

const UNITS: Readonly<Record<string, string>> = {
  string: "character",
  array: "entry",
  set: "entry",
  map: "entry",
  object: "entry",
};
const entries = (count: number | bigint, origin: string): string =>
  plural(count, UNITS[origin] ?? "entry").replace(/entrys$/, "entries");

/** Beside the smallest integers that are safe nothing is said of a range. */
function rangeOf(issue: Issue & { readonly code: "too_small" | "too_big" }): string {
  const { minValue, maxValue } = boundsOf(issue);
  const has = (bound: number | null | undefined): bound is number =>
    typeof bound === "number" && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (has(minValue) && has(maxValue)) return `must be from ${minValue} to ${maxValue}`;
  return issue.code === "too_small"
    ? `must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}`
    : `must be ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}`;
}

const TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object",
  record: "an object",
  null: "null",
};

const FORMS: Readonly<Record<string, string>> = {
  email: "an e-mail address",
  url: "a URL such as https://example.org",
  datetime: "a time such as 2026-01-31T12:00:00Z",
  date: "a date such as 2026-01-31",
};

/** Of a strict object: what it may hold. */
function fieldsOf({ inst }: Issue): string {
  const { shape } = (inst as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def ?? {};
  return shape === undefined ? "" : `; it may hold ${Object.keys(shape).join(", ")}`;
}

function words(issue: Issue): string {
  if (issue.input === undefined && issue.code !== "custom") return "is missing";
  switch (issue.code) {
    case "invalid_type":
      return `must be ${TYPES[issue.expected] ?? "of another type"}`;
    case "too_small":
    case "too_big": {
      if (issue.origin === "number" || issue.origin === "int") return rangeOf(issue);
      return issue.code === "too_small"
        ? `must have at least ${entries(issue.minimum, issue.origin)}`
        : `must have at most ${entries(issue.maximum, issue.origin)}`;
    }
    case "invalid_format":
      return `must be ${FORMS[issue.format] ?? "of another form"}`;
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}`;
    case "unrecognized_keys":
      return `must not hold ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}${fieldsOf(issue)}`;
    case "invalid_value":
      return (issue as { expected?: string }).expected === "stringbool"
        ? "must be true or false"
        : `must be ${either(issue.values)}`;
    case "invalid_key":
    case "invalid_element":
      return issue.issues[0]?.message ?? "must be of another form";
    case "invalid_union": {
      const { options } = issue as { options?: readonly unknown[] };
      return options === undefined
        ? ([...new Set(issue.errors.flat().map(({ message }) => message))][0] ??
            "must be of another form")
        : `must be ${either(options)}`;
    }
    default:
      return "cannot be used";
  }
}

z.config({ localeError: words });

/** One thing that is wrong, as a part of a sentence; `name` stands for the whole value. */
export const problemOf = (
  { path, message }: Pick<z.core.$ZodIssue, "path" | "message">,
  name = "it",
): string => `${path.length === 0 ? name : path.join(".")} ${message}`;
