import type { CellGroup, Covariates } from "../atlas/atlas-index.ts";

/** Doses and times of a question and of cell groups, compared in one unit a kind. */

type Kind = "molar" | "mass" | "activity" | "time";

const UNITS: readonly (readonly [RegExp, Kind, number])[] = [
  [/^pM$/, "molar", 1e-3],
  [/^nM$|^nanomolar$/i, "molar", 1],
  [/^[uµμ]M$|^micromolar$/, "molar", 1e3],
  [/^mM$|^millimolar$/, "molar", 1e6],
  [/^pg\/m[lL]$/, "mass", 1e-3],
  [/^(?:ng\/m[lL]|[uµμ]g\/[lL])$/, "mass", 1],
  [/^(?:[uµμ]g\/m[lL]|mg\/[lL])$/, "mass", 1e3],
  [/^mg\/m[lL]$/, "mass", 1e6],
  [/^(?:I?U|units?)\/m[lL]$/i, "activity", 1],
  [/^(?:min|minutes?)$/i, "time", 1 / 60],
  [/^(?:h|hrs?|hours?|hpi)$/i, "time", 1],
  [/^(?:d|days?)$/i, "time", 24],
  [/^weeks?$/i, "time", 168],
];

/** Null where a text is no number with a unit that is known. */
function amountIn(text: string): { readonly kind: Kind; readonly value: number } | null {
  const [, number = "", unit = ""] =
    /^(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(\S+)$/i.exec(text.trim()) ?? [];
  const found = UNITS.find(([pattern]) => pattern.test(unit));
  return found === undefined ? null : { kind: found[1], value: Number(number) * found[2] };
}

/** Of `given` the one nearest to the asked amount in proportion; null where none can be compared. */
export function nearestAmount(asked: string, given: readonly string[]): string | null {
  const wanted = amountIn(asked);
  if (wanted === null || wanted.value <= 0) return null;
  const compared = given.flatMap((text) => {
    const amount = amountIn(text);
    return amount === null || amount.kind !== wanted.kind || amount.value <= 0
      ? []
      : [{ text, off: Math.abs(Math.log(amount.value / wanted.value)) }];
  });
  return compared.toSorted((a, b) => a.off - b.off)[0]?.text ?? null;
}

/** Whether both say one amount; of texts that cannot be compared whether they are equal. */
export function sameAmount(asked: string, given: string): boolean {
  const [a, b] = [amountIn(asked), amountIn(given)];
  return a === null || b === null
    ? asked === given
    : a.kind === b.kind && Math.abs(a.value - b.value) <= 1e-9 * Math.abs(a.value);
}

/** The distinct amounts of groups, in the order of their sizes where these can be compared. */
export function amountsOf(groups: readonly CellGroup[], name: keyof Covariates): string[] {
  const texts = [...new Set(groups.flatMap(({ covariates }) => covariates?.[name] ?? []))];
  return texts.toSorted((a, b) => (amountIn(a)?.value ?? 0) - (amountIn(b)?.value ?? 0));
}
