/** Doses and times in a question, in canonical units. All patterns are linear: bounded repeats, no nesting. */

export interface Amounts {
  /** e.g. "10 ng/ml", "1 µM"; null when the question has none. */
  readonly dose: string | null;
  /** e.g. "6 h", "3 d", "overnight". */
  readonly time: string | null;
  /** Parts of the text that state amounts, [start, end): they name neither cells nor perturbations. */
  readonly spans: readonly (readonly [number, number])[];
}

const NUMBER = String.raw`(?<![\p{Script=Latin}\p{N}.,\-–])(\d{1,9}(?:[.,]\d{1,6})?)\s{0,3}[-–]?\s{0,3}`;
const END = String.raw`(?![\p{Script=Latin}\p{N}])`;

const CONCENTRATION = new RegExp(
  String.raw`${NUMBER}(pg|ng|[µμu]g|mg|IU|U|units?|Einheiten|纳克|微克|毫克)\s{0,3}(?:\/|\bper\b|\bpro\b|每)\s{0,3}(ml|dl|l|kg|毫升|升)${END}`,
  "giu",
);
const MOLAR = new RegExp(String.raw`${NUMBER}([pnµμum]M|(?:pico|nano|micro|milli)molar|[µμ]m|微摩尔|纳摩尔|%)(?![\p{Script=Latin}\p{N}])`, "gu");
const DURATION = new RegExp(String.raw`${NUMBER}(hours?|hrs?|h|std|stunden?|小时|minutes?|mins?|minuten?|分钟|days?|d|tagen?|tage?|天|weeks?|wochen?|周)${END}`, "giu");
const WORD_DURATION = /\b(one|two|three|four|six|eight|twelve|twenty-four|forty-eight|zwei|drei|vier|sechs|acht|zwölf)\s{1,3}(hours?|days?|weeks?|stunden|tagen?|wochen)\b/giu;
const OVERNIGHT = /overnight|over night|über nacht|ueber nacht|过夜|整夜/giu;

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/^(?:纳克|ng)$/i, "ng"], [/^(?:微克|[µμu]g)$/i, "µg"], [/^(?:毫克|mg)$/i, "mg"], [/^pg$/i, "pg"], [/^iu$/i, "IU"], [/^(?:u|units?|einheiten)$/i, "U"],
  [/^(?:毫升|ml)$/i, "ml"], [/^dl$/i, "dl"], [/^(?:升|l)$/i, "l"], [/^kg$/i, "kg"],
  [/^(?:[µμu]M|[µμ]m|micromolar|微摩尔)$/, "µM"], [/^(?:nM|nanomolar|纳摩尔)$/, "nM"], [/^(?:pM|picomolar)$/, "pM"], [/^(?:mM|millimolar)$/, "mM"],
  [/^(?:h|小时|hr|hour|std|stunde)/i, "h"], [/^(?:min|分钟)/i, "min"], [/^(?:d|tag|天)/i, "d"], [/^(?:week|woche|周)/i, "weeks"],
];
const NUMBER_WORDS: Readonly<Record<string, string>> = {
  one: "1", two: "2", zwei: "2", three: "3", drei: "3", four: "4", vier: "4", six: "6", sechs: "6", eight: "8", acht: "8",
  twelve: "12", zwölf: "12", "twenty-four": "24", "forty-eight": "48",
};

export function readAmounts(text: string): Amounts {
  const doses = [
    ...matches(text, CONCENTRATION, ([, number, unit, per]) => `${decimal(number)} ${unitOf(unit)}/${unitOf(per)}`),
    ...matches(text, MOLAR, ([, number, unit]) => `${decimal(number)} ${unitOf(unit)}`),
  ];
  const times = [
    ...matches(text, DURATION, ([, number, unit]) => `${decimal(number)} ${unitOf(unit)}`),
    ...matches(text, WORD_DURATION, ([, number, unit]) => `${NUMBER_WORDS[(number ?? "").toLowerCase()] ?? ""} ${unitOf(unit)}`),
    ...matches(text, OVERNIGHT, () => "overnight"),
  ];
  return { dose: first(doses), time: first(times), spans: [...doses, ...times].map(({ span }) => span) };
}

interface Amount {
  readonly text: string;
  readonly span: readonly [number, number];
}

function matches(text: string, pattern: RegExp, say: (match: RegExpExecArray) => string): Amount[] {
  return [...text.matchAll(pattern)].map((match) => ({ text: say(match), span: [match.index, match.index + match[0].length] }));
}

function first(amounts: readonly Amount[]): string | null {
  return amounts.toSorted((a, b) => a.span[0] - b.span[0])[0]?.text ?? null;
}

function decimal(number: string | undefined): string {
  return (number ?? "").replace(",", ".");
}

function unitOf(unit: string | undefined): string {
  const written = unit ?? "";
  return UNITS.find(([pattern]) => pattern.test(written))?.[1] ?? written;
}
