import { HaystackError } from "../errors.ts";

/** The values of each column of --only, of which several are told as COLUMN=VALUE. Error USAGE. */
export function readOnly(texts: readonly string[]): Record<string, readonly string[]> {
  const pairs = texts.map((text) => {
    const at = text.indexOf("=");
    if (at < 1)
      throw new HaystackError(
        "USAGE",
        `--only takes the name of an obs column and a value of it, as in --only genotype=WT, not "${text}".`,
      );
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  const columns = Map.groupBy(pairs, ([column]) => column);
  return Object.fromEntries(
    Array.from(columns, ([column, those]) => [column, those.map(([, value]) => value)]),
  );
}
