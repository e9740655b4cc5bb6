/**
 * Doses and times in a question, in canonical units. All patterns are linear: bounded repeats, no
 * open nesting.
 */

export interface Amounts {
  /**
   * e.g. "10 ng/ml", "1 µM": each that the question states, once. The first is the first with a
   * unit of its own: of "10 or 100 ng/ml" the latter.
   */
  readonly doses: readonly Stated[];
  /** e.g. "6 h", "3 d", "overnight". */
  readonly times: readonly Stated[];
  /**
   * Parts of the text that state amounts, [start, end): they name neither cells nor perturbations.
   */
  readonly spans: readonly (readonly [number, number])[];
}

/** What the question says, and in which words. */
export interface Stated {
  readonly value: string;
  readonly text: string;
  /** Where in the text, [start, end); of amounts. */
  readonly span?: readonly [number, number];
}

const PLAIN_NUMBER = String.raw`\d{1,9}(?:[.,]\d{1,6})?`;
/** "Day 3 and 10 ng/ml": the number of a day or week shares no unit with a later one. */
const NOT_AFTER_POINT_IN_TIME = String.raw`(?<!\b(?:days?|weeks?|tag|woche)\s{1,3}(?:${PLAIN_NUMBER}\s{0,2},\s{1,2}){0,3})`;
/** Numbers that share the unit of the one behind them: "1, 10 or 100 ng/ml", "10-100 ng/ml". */
const EARLIER = String.raw`(?:${NOT_AFTER_POINT_IN_TIME}(?:${PLAIN_NUMBER}\s{0,2},\s{1,2}){0,3}${PLAIN_NUMBER}\s{0,2},?\s{0,2}(?:or|and|to|versus|vs\.?|oder|und|bis|bzw\.|[/–-]|或|和|至)\s{0,2})?`;
const NUMBER = String.raw`(?<![\p{Script=Latin}\p{N}.,\-–])(?<earlier>${EARLIER})(?<number>${PLAIN_NUMBER})\s{0,3}[-–]?\s{0,3}`;
const END = String.raw`(?![\p{Script=Latin}\p{N}])`;

const CONCENTRATION = new RegExp(
  String.raw`${NUMBER}(?<unit>pg|ng|[µμu]g|mg|IU|U|units?|Einheiten|纳克|微克|毫克)\s{0,3}(?:\/|\bper\b|\bpro\b|每)\s{0,3}(?<per>ml|dl|l|kg|毫升|升)${END}`,
  "giu",
);
const MOLAR = new RegExp(
  String.raw`${NUMBER}(?<unit>[pnµμum]M|(?:pico|nano|micro|milli)molar|[µμ]m|微摩尔|纳摩尔|%)(?![\p{Script=Latin}\p{N}])`,
  "gu",
);
const DURATION = new RegExp(
  String.raw`${NUMBER}(?<unit>hours?|hrs?|h|std|stunden?|heures?|horas?|小时|時間|minutes?|mins?|minuten?|minutos?|分钟|days?|d|tagen?|tage?|jours?|d[ií]as?|天|日間?|weeks?|wochen?|semaines?|semanas?|周|週間?)${END}`,
  "giu",
);
const WORD_DURATION =
  /\b(?<number>one|two|three|four|six|eight|twelve|twenty-four|forty-eight|zwei|drei|vier|sechs|acht|zwölf|deux|trois|quatre|huit|douze|dos|tres|cuatro|seis|ocho|doce)\s{1,3}(?<unit>hours?|days?|weeks?|stunden|tage?n?|wochen|heures?|jours?|semaines?|horas?|d[ií]as?|semanas?)(?!\p{L})/giu;
const OVERNIGHT =
  /overnight|over night|über nacht|ueber nacht|durant la nuit|pendant la nuit|durante la noche|toda la noche|过夜|整夜|一晩/giu;

/** What cells are grown in is not what they are given: "5% FBS". */
const OF_MEDIUM = /^\s{0,2}(?:FBS|FCS|BSA|DMSO|serum|CO2|CO₂)(?![\p{L}\p{N}])/iu;

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/^(?:纳克|ng)$/i, "ng"],
  [/^(?:微克|[µμu]g)$/i, "µg"],
  [/^(?:毫克|mg)$/i, "mg"],
  [/^pg$/i, "pg"],
  [/^iu$/i, "IU"],
  [/^(?:u|units?|einheiten)$/i, "U"],
  [/^(?:毫升|ml)$/i, "ml"],
  [/^dl$/i, "dl"],
  [/^(?:升|l)$/i, "l"],
  [/^kg$/i, "kg"],
  [/^(?:[µμu]M|[µμ]m|micromolar|微摩尔)$/, "µM"],
  [/^(?:nM|nanomolar|纳摩尔)$/, "nM"],
  [/^(?:pM|picomolar)$/, "pM"],
  [/^(?:mM|millimolar)$/, "mM"],
  [/^(?:h|小时|時間|hr|hour|std|stunde)/i, "h"],
  [/^(?:min|分钟)/i, "min"],
  [/^(?:d|tag|jour|天|日)/i, "d"],
  [/^(?:week|woche|semain|seman|周|週)/i, "weeks"],
];
const NUMBER_WORDS: Readonly<Record<string, string>> = {
  one: "1",
  two: "2",
  zwei: "2",
  three: "3",
  drei: "3",
  four: "4",
  vier: "4",
  six: "6",
  sechs: "6",
  eight: "8",
  acht: "8",
  twelve: "12",
  zwölf: "12",
  deux: "2",
  trois: "3",
  quatre: "4",
  huit: "8",
  douze: "12",
  dos: "2",
  tres: "3",
  cuatro: "4",
  seis: "6",
  ocho: "8",
  doce: "12",
  "twenty-four": "24",
  "forty-eight": "48",
};

/**
 * `instructed`: where the text instructs its reader, as ranges [from, to); amounts in there say
 * nothing of the cells.
 */
export function readAmounts(
  text: string,
  instructed: readonly (readonly [number, number])[] = [],
): Amounts {
  const doses = [
    ...matches(text, CONCENTRATION, ({ unit, per }) => `${unitOf(unit)}/${unitOf(per)}`),
    ...matches(text, MOLAR, ({ unit }) => unitOf(unit)),
  ];
  const times = [
    ...matches(text, DURATION, ({ unit }) => unitOf(unit)).filter(
      ({ words, span }) => !isOtherThan(words, span, text),
    ),
    ...matches(text, WORD_DURATION, ({ unit }) => unitOf(unit)),
    ...matches(text, OVERNIGHT, () => "overnight"),
  ];
  const stated = (amounts: readonly Amount[]): Stated[] => {
    const asked = amounts
      .filter(({ span: [start] }) => !instructed.some(([from, to]) => start >= from && start < to))
      .toSorted((a, b) => a.span[0] - b.span[0]);
    const own = asked.map(({ value, words, span }) => ({ value, text: words, span }));
    return distinct([
      ...own,
      ...asked.flatMap(({ earlier, words, span }) =>
        earlier.map((value) => ({ value, text: words, span })),
      ),
    ]);
  };
  return {
    doses: stated(doses.filter(({ span: [, end] }) => !OF_MEDIUM.test(text.slice(end)))),
    times: stated(times),
    spans: [...doses, ...times].map(({ span }) => span),
  };
}

/** "3D organoids", "2D culture". */
const IN_SPACE =
  /^[\s\p{Pd}]*(?:(?:cell|tissue|skin|tumou?r|in vitro|co|air|liver|gut|hydro|collagen|human)[\s\p{Pd}]*)?(?:cultur|organoid|spheroid|model|matri|bio-?print|print|scaffold|gel|system|construct|mono-?layer|structure|genome|imag|aggregat|equivalent|micro|platform|vaccine|strain|virus|clone|nucleofect)/iu;
const BEFORE_CAPITAL = /(?:\b(?:for|after|at|over|until|following|by|of)|[,;:(+/–-])\s*$/iu;
const STRAIN = /\b(?:in|fever|vaccine|vaccinated|strain|virus|clone|YFV?|FV)\s*$/iu;

/** "17D" is a strain, "3D" a culture: a capital behind its number is a unit only where a time may stand. */
function isOtherThan(words: string, [from, to]: readonly [number, number], text: string): boolean {
  if (!/^\d+D$/i.test(words)) return false;
  const [before, behind] = [text.slice(0, from), text.slice(to)];
  if (IN_SPACE.test(behind)) return true;
  if (!words.endsWith("D")) return false;
  const mayEnd = /^\s*(?:$|[.,;:?!)])/.test(behind) && !STRAIN.test(before);
  return !mayEnd && !BEFORE_CAPITAL.test(before);
}

interface Amount {
  readonly value: string;
  /** Of the numbers before it that share its unit. */
  readonly earlier: readonly string[];
  readonly words: string;
  readonly span: readonly [number, number];
}

type Groups = Readonly<Record<string, string | undefined>>;

function matches(text: string, pattern: RegExp, inUnit: (groups: Groups) => string): Amount[] {
  return [...text.matchAll(pattern)].map((match) => {
    const groups: Groups = match.groups ?? {};
    const unit = inUnit(groups);
    const say = (number: string): string =>
      `${NUMBER_WORDS[number.toLowerCase()] ?? number.replace(",", ".")} ${unit}`;
    const earlier = (groups["earlier"] ?? "").match(/\d{1,9}(?:[.,]\d{1,6})?/gu) ?? [];
    return {
      value: groups["number"] === undefined ? unit : say(groups["number"]),
      earlier: earlier.map(say),
      words: match[0].trim(),
      span: [match.index, match.index + match[0].length],
    };
  });
}

function distinct(stated: readonly Stated[]): Stated[] {
  return [...new Map(stated.toReversed().map((one) => [one.value, one])).values()].toReversed();
}

function unitOf(unit: string | undefined): string {
  const written = unit ?? "";
  return UNITS.find(([pattern]) => pattern.test(written))?.[1] ?? written;
}
