import { plain } from "./usual-names.ts";

/** Names of the columns that tell doses and times, compared by their `plain` form, µ as u. */

export const DOSE = [
  "dose_value",
  "dose",
  "dose_val",
  "concentration",
  "conc",
  "drug_concentration",
  "drug_dose",
  "pert_dose",
  "perturbation_dose",
  "treatment_dose",
  "compound_concentration",
  "dosage",
  "sm_dose",
];
const STATE = "(?:final|working|nominal|actual|applied|added)?";
/** What may stand before it. A dose of radiation or of an allele is no dose of what is in question. */
const OF_WHAT =
  "(?:drug|treat(?:ment)?|compound|pert(?:urbation)?|stim(?:ulation|ulus)?|ligand|cytokine|agent|inhibitor|sm)?";
const AMOUNT = "(?:dos(?:e|age)|conc(?:entration)?)";
const BEFORE = `${STATE}${OF_WHAT}${STATE}`;
const UNIT = [
  "[numpf]m|(?:milli|micro|nano|pico)molar",
  "(?:[numpk]?g|i?u|units?)(?:per)?(?:ml|l|kg)",
].join("|");
const DOSE_WITH_UNIT = new RegExp(
  `^${BEFORE}${AMOUNT}(?:value|val)?(?:in)?(?<unit>${UNIT})$|^(?<first>${UNIT})${OF_WHAT}${AMOUNT}$`,
);
/** "uM", "nanomolar", "ng_ml"; "um" and "mm" may be lengths. */
const UNIT_ALONE = /^(?:[nupµμ]M|(?:micro|nano|pico)molar|(?:n|u|p|µ|μ)g[_/ ]?(?:per[_ ]?)?m[lL])$/;
/** Others that tell a dose if their values do: "treatment_concentration", "dose_level", "dose1". */
const DOSE_LIKE = new RegExp(String.raw`^${BEFORE}(?:dos(?:e|age)(?!unit)|conc(?:entration|$|\d))`);
const NO_DOSE = new RegExp(
  [
    String.raw`log|unit|[rcd]na|libra|cell|vaccin|bin|number|index|order|rank|score|color|pattern|batch|plate|well|rep`,
    String.raw`respon|radiat|geno|snp|rs\d|allele|risk|nuclei|input|qubit|sample|over|rate|(?:gy|id)$`,
  ].join("|"),
);
const DOSE_UNIT = new RegExp(`^${BEFORE}${AMOUNT}(?:value|val)?units?$`);
export const TIME = [
  "time",
  "timepoint",
  "time_point",
  "time_h",
  "time_hr",
  "time_hrs",
  "time_hours",
  "hours",
  "treatment_time",
  "perturbation_time",
  "pert_time",
  "stimulation_time",
  "stim_time",
  "exposure_time",
  "duration",
  "time_after_perturbation",
  "hpi",
];
const CLOCK = "(?<clock>min(?:ute)?s?|h|h(?:ou)?rs?|days?)";
const GIVEN =
  "(?:treat(?:ment|ed)?|stim(?:ulation|ulus|ulated)?|pert(?:urbation|urbed)?|expos(?:ure|ed)|incubat(?:ion|ed)|infect(?:ion|ed)|trans(?:duction|fection)|addition|drug|compound|cytokine|ligand)";
const SINCE = "(?:post|past|after|of|since)";
const SPAN = "(?:time(?:point)?|duration|length)";
/** "time_min", "hours_post_stimulation", "treatment_days"; not "age_days" or "collection_day". */
const TIME_LIKE: readonly RegExp[] = [
  `^${SINCE}?${GIVEN}${SPAN}?(?:in)?${CLOCK}$`,
  `^${GIVEN}(?:time|duration|length)$`,
  `^(?:${SPAN}|elapsed)(?:in)?${CLOCK}$`,
  `^(?:elapsed)?${CLOCK}${SINCE}?${GIVEN}$`,
  `^${SPAN}${SINCE}${GIVEN}(?:in)?${CLOCK}$`,
  `^${SPAN}${SINCE}${GIVEN}$`,
].map((pattern) => new RegExp(pattern));
/** Times of which nobody says since when: day 0 may be that of a visit, a culture or a laboratory. */
const TIME_OF_ANYTHING = /^(?:days?|minutes|dpi|(?:time|timepoint|duration)(?:in)?days?)$/;
const TIME_UNIT = /^(?:time|perttime|timepoint)units?$/;

const named = (column: string): string => plain(column.replaceAll(/[µμ]/g, "u"));

export const isDoseWithUnit = (column: string): boolean => DOSE_WITH_UNIT.test(named(column));
export const isUnitAlone = (column: string): boolean => UNIT_ALONE.test(column.trim());
export const isDoseLike = (column: string): boolean =>
  DOSE_LIKE.test(named(column)) && !NO_DOSE.test(named(column));
export const isDoseUnit = (column: string): boolean => DOSE_UNIT.test(named(column));
export const isTimeLike = (column: string): boolean =>
  TIME_LIKE.some((pattern) => pattern.test(named(column))) && !TIME_OF_ANYTHING.test(named(column));
export const isTimeOfAnything = (column: string): boolean => TIME_OF_ANYTHING.test(named(column));
export const isTimeUnit = (column: string): boolean => TIME_UNIT.test(named(column));

/** Whether a time of the column is that since cells were given something, as far as its name says. */
export const isSinceGiven = (column: string | undefined): boolean =>
  column === undefined || !isTimeOfAnything(column);

/** "nm" of drug_conc_nM. */
export function unitInName(column: string | undefined): string | null {
  if (column === undefined) return null;
  const { unit, first } = DOSE_WITH_UNIT.exec(named(column))?.groups ?? {};
  return unit ?? first ?? (isUnitAlone(column) ? named(column) : null);
}

/** "h" of time_h, "d" of days_post_infection. */
export function clockInName(column: string | undefined): string | null {
  const name = named(column ?? "");
  const clock = TIME_LIKE.map((pattern) => pattern.exec(name)?.groups?.["clock"]).find(
    (each) => each !== undefined,
  );
  const text = clock ?? /(?:min(?:ute)?s?|h(?:ou)?rs?|hpi|days?|dpi)$/.exec(name)?.[0] ?? "";
  if (text === "") return /^h$|timeh$/.test(name) ? "h" : null;
  if (text.startsWith("h")) return "h";
  return text.startsWith("m") ? "min" : "d";
}
