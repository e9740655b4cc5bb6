import { controlReading } from "./control-labels.ts";
import type { IsOther } from "./control-labels.ts";
import { amountText } from "./amount-text.ts";
import type { Covariates } from "../atlas-index.ts";
import { writtenTuples } from "./written-tuples.ts";
import { given } from "../../../given.ts";

/** A label without the amounts that are written in it: "Dex_100nM_6h" is Dex, 100 nM, 6 h. */
export interface LabelAmounts extends Covariates {
  readonly stem: string;
  /** False for a bare number, whose unit only a column can tell. */
  readonly hasUnit: boolean;
}

const NUMBER = String.raw`\d+(?:[.,]\d+)?(?:e[+-]?\d+)?`;
const DOSE = String.raw`(?<dose>${NUMBER})[\s_]?(?<unit>[pnuµμm]M|(?:pg|ng|[uµμ]g|mg)[\s_]?(?:\/|per)?[\s_]?(?:ml|kg|l)|[pnuµμm]g|(?:I?U|units?)[\s_]?(?:\/|per)?[\s_]?ml|I?U|%)`;
const TIME = String.raw`(?:(?<time>\d+(?:[.,]\d+)?)[\s_]?(?<clock>hours?|hrs?|hpi|h|minutes?|mins?|days?|d|weeks?|wks?)|(?<![a-z])days?[\s_]?(?<day>\d+))`;
/** With the signs and words before it and the brackets around it. */
const AMOUNT = new RegExp(
  String.raw`(?:(?:[\s_](?:at|for|of))?[\s_@:,;=.-]*[([]?\s*)(?<![a-z0-9]|\d\.)(?:${DOSE}|${TIME})(?![a-z0-9])(?:\s*[)\]])?`,
  "giu",
);
const CLOCK: readonly (readonly [RegExp, string])[] = [
  [/^h/i, "h"],
  [/^m/i, "min"],
  [/^d/i, "d"],
  [/^w/i, "weeks"],
];
const BARE = /^(?<stem>.*\p{L}.*?)[_@\s:](?<number>\d+(?:\.\d+)?)$/u;
/** Doses of a series lie this far apart; numbers of guides and replicates follow each other. */
const APART = 3;
const SERIES = 3;

/**
 * The labels of a column that hold a dose or a time: with its unit, or a bare number where one
 * substance has several that are no mere count (fractions, or a series like 1, 10, 100). A label that
 * is known as it stands ("IL-6") holds none.
 */
export function labelAmounts(
  labels: readonly string[],
  isOther: IsOther,
): ReadonlyMap<string, LabelAmounts> {
  const withUnit = labels.flatMap((label) => {
    const found = isOther(label.trim()) ? null : splitLabel(label, isOther);
    return found === null ? [] : [[label, found] as const];
  });
  const rest = labels.filter((label) => !withUnit.some(([each]) => each === label));
  return new Map([...withUnit, ...bareNumbers(rest, isOther)]);
}

function splitLabel(label: string, isOther: IsOther): LabelAmounts | null {
  const tuples = writtenTuples(label);
  if (tuples.length > 0)
    return {
      stem: tuples.map(({ name }) => name).join(" + "),
      hasUnit: true,
      ...given({ dose: joinedText(tuples.map(({ dose }) => dose)) }),
    };
  const doses: string[] = [];
  const times: string[] = [];
  const stem = label
    .normalize("NFC")
    .replaceAll(AMOUNT, (text: string, ...more: unknown[]) => {
      const groups = more.at(-1) as Partial<Record<string, string>>;
      const { dose, unit = "", time, clock = "", day } = groups;
      const number = (dose ?? time ?? day ?? "").replace(",", ".");
      const before = label.slice(0, more.at(-3) as number);
      // "IL-6h": the number belongs to the name.
      const joined = `${before}${text.slice(0, text.indexOf(number) + number.length)}`.trim();
      if (before !== "" && isOther(joined)) return text;
      if (dose === undefined)
        times.push(amountText(number, clockUnit(day === undefined ? clock : "d")));
      else doses.push(amountText(number, unit));
      return "";
    })
    .replace(/^(?:\s*of\s|[\s_@:,;.-])+|[\s_@:,;.-]+$/g, "")
    .trim();
  if (doses.length + times.length === 0 || !isName(stem)) return null;
  return {
    stem,
    hasUnit: true,
    ...given({ dose: joinedText(doses), time: joinedText(times) }),
  };
}

const clockUnit = (text: string): string =>
  CLOCK.find(([pattern]) => pattern.test(text))?.[1] ?? text;

/** Of a combination all amounts, in its order. */
const joinedText = (texts: readonly string[]): string | undefined =>
  texts.length === 0 ? undefined : [...new Set(texts)].join(" + ");

function isName(stem: string): boolean {
  return (
    /\p{L}.*\p{L}|\p{L}\D?\d\d/u.test(stem) &&
    !/^(?:day|time|hours?|dose|well|plate)s?$/i.test(stem) &&
    controlReading(stem) === null
  );
}

function bareNumbers(labels: readonly string[], isOther: IsOther): [string, LabelAmounts][] {
  const found = labels.flatMap((label) => {
    const { stem = "", number = "" } = BARE.exec(label.trim())?.groups ?? {};
    return number === "" || !isName(stem) || !isDoseLike(number) || !/(?:\p{L}.*){3}/u.test(stem)
      ? []
      : [{ label, stem, number }];
  });
  const doses = new Set<string>();
  const ofNames = new Set<string>();
  // "CCL 2" and "CCL_21" are names, also where one of them is not known.
  const isOfName = ({ label, stem, number }: (typeof found)[number]) =>
    [label.trim(), `${stem}${number}`, `${stem}-${number}`].some(isOther);
  for (const [stem, those] of Map.groupBy(found, (each) => each.stem))
    if (those.some(isOfName)) ofNames.add(stem);
    else if (isSeries(those.map(({ number }) => number))) doses.add(stem);
  const numbers = new Set(found.filter(({ stem }) => doses.has(stem)).map(({ number }) => number));
  return found
    .filter(({ stem }) => !ofNames.has(stem))
    .filter(({ stem, number }) => doses.has(stem) || numbers.has(number))
    .map(({ label, stem, number }) => [
      label,
      { stem, hasUnit: false, dose: String(Number(number)) },
    ]);
}

/** At most two digits beside zeros, or a fraction: compounds have numbers like 0325901. */
const isDoseLike = (number: string): boolean =>
  number.includes(".") || (/^(?:0|[1-9]\d?0*)$/.test(number) && Number(number) <= 1e6);

function isSeries(numbers: readonly string[]): boolean {
  const values = [...new Set(numbers.map(Number))].toSorted((a, b) => a - b);
  if (values.length < 2) return false;
  if (values.some((value) => !Number.isInteger(value))) return true;
  const positive = values.filter((value) => value > 0);
  return (
    positive.length >= SERIES &&
    positive.every((value, at) => at === 0 || value >= APART * (positive[at - 1] as number))
  );
}
