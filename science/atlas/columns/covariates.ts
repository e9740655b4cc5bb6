import type { Covariates } from "../atlas-index.ts";
import { amountText } from "./amount-text.ts";
import type { IsOther } from "./control-labels.ts";
import type { LabelAmounts } from "./label-amounts.ts";
import { labelAmounts } from "./label-amounts.ts";
import type { CodedLabels, ReadLabels } from "./labels.ts";
import { MOST_GROUPS } from "../limits.ts";
import { plain } from "./usual-names.ts";
import { given } from "../../../given.ts";

/** The columns of dose and time, and what each cell has of them. */
export interface CovariateColumns {
  readonly dose?: string;
  readonly dose_unit?: string;
  readonly time?: string;
}

const DOSE = [
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
/** What may stand before it. A dose of radiation or of an allele is no dose of what is in question. */
const OF_WHAT =
  "(?:drug|treat(?:ment)?|compound|pert(?:urbation)?|stim(?:ulation|ulus)?|ligand|cytokine|agent|inhibitor)?";
const DOSE_WITH_UNIT = new RegExp(
  `^${OF_WHAT}(?:dos(?:e|age)|conc(?:entration)?)(?:in)?(nm|um|mm|pm|ngml|ugml|mgml|mgkg)$`,
);
/** Others that tell a dose if their values do: "treatment_concentration", "dose_level", "dose1". */
const DOSE_LIKE = new RegExp(
  String.raw`^${OF_WHAT}(?:dos(?:e|age)(?!unit)|conc(?:entration|$|\d))`,
);
const NO_DOSE = new RegExp(
  [
    String.raw`log|unit|[rcd]na|libra|cell|vaccin|bin|number|index|order|rank|score|color|pattern|batch|plate|well|rep`,
    String.raw`respon|radiat|geno|snp|rs\d|allele|risk|nuclei|input|qubit|sample|over|rate|(?:gy|id)$`,
  ].join("|"),
);
const DOSE_VALUE =
  /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$|^(?:none|zero|low|mid|middle|medium|moderate|high|max)$/i;
const DOSE_UNIT = /^(?:dose|conc(?:entration)?|drugdose|pertdose)units?$/;
const TIME = [
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
const CLOCK = "(?:min(?:ute)?s?|h|h(?:ou)?rs?|days?)";
const GIVEN =
  "(?:treat(?:ment)?|stim(?:ulation|ulus)?|pert(?:urbation)?|exposure|incubation|infection|drug)";
/** "time_min", "hours_post_stimulation", "treatment_days"; not "age_days" or "collection_day". */
const TIME_LIKE = new RegExp(
  [
    String.raw`^${GIVEN}(?:time|duration)?(?:in)?${CLOCK}$|^${GIVEN}(?:time|duration)$`,
    String.raw`^(?:time|timepoint|duration)(?:in)?${CLOCK}$|^(?:${CLOCK}|time)(?:post|after|of|since)${GIVEN}$`,
  ].join("|"),
);
/** Times of which nobody says since when: day 0 may be that of a visit, a culture or a laboratory. */
const TIME_OF_ANYTHING = /^(?:days?|minutes|dpi|(?:time|timepoint|duration)(?:in)?days?)$/;
/** "10:30", "2021-03-01". */
const CLOCK_OR_DATE = /\d:\d|\d[-/.]\d+[-/.]\d/;
const TIME_UNIT = /^(?:time|perttime|timepoint)units?$/;
/** An amount inside of a longer label: "[('Adagrasib', 0.05, 'uM')]", "Dexamethasone_10nM". */
const AMOUNT =
  /(?<![a-z0-9.])(\d+(?:\.\d+)?(?:e[+-]?\d+)?)[\s'",_]*(pM|nM|[uµμ]M|mM|(?:ng|[uµμ]g|mg)\/?ml|mg\/?kg)(?![a-z0-9])/gi;
/** More distinct amounts than this are measurements, not doses. */
const MOST_VALUES = 60;

/** Dose and time as columns and labels tell them. */
export interface Amounts {
  readonly columns: CovariateColumns;
  /** Those of each cell; null where the file tells none. */
  readonly of: ((cell: number) => Covariates) | null;
  /** The labels of the perturbation that hold amounts, and what they are without. */
  readonly inLabels: ReadonlyMap<string, LabelAmounts>;
}

/**
 * `perturbation`: its column, and others that tell it: their labels may hold amounts. An amount with
 * its unit in a label goes before one in a column.
 */
export function readAmounts(
  obs: readonly string[],
  read: ReadLabels,
  [perturbation, ...others]: readonly string[],
  isOther: IsOther,
): Amounts {
  const own = covariateColumns(
    obs.filter((name) => name !== perturbation),
    read,
  );
  const amountsIn = (name: string) => labelAmounts(read(name).labels, isOther);
  const inLabels = perturbation === undefined ? new Map<never, never>() : amountsIn(perturbation);
  const noColumn = own.dose === undefined && own.time === undefined;
  const teller = [perturbation, ...(noColumn ? others : [])]
    .filter((name) => name !== undefined)
    .map((name) => ({
      column: read(name),
      found: name === perturbation ? inLabels : amountsIn(name),
    }))
    .find(({ found }) => found.size > 0);
  const tells = (what: keyof Covariates) =>
    teller?.found.values().some((found) => found[what] !== undefined) === true
      ? teller.column.name
      : undefined;
  const columns = { ...given({ dose: tells("dose"), time: tells("time") }), ...own };
  const byColumn = covariatesOf(own, obs, read);
  if (teller === undefined) return { columns, of: byColumn, inLabels };
  const known = new Map<string, Covariates>();
  return {
    columns,
    inLabels,
    of(cell) {
      const {
        dose,
        time,
        hasUnit = false,
      } = teller.found.get(labelAt(teller.column, cell) ?? "") ?? {};
      const told = byColumn?.(cell) ?? {};
      const both = hasUnit
        ? given({ dose: dose ?? told.dose, time: time ?? told.time })
        : given({ dose: told.dose ?? dose, time: told.time ?? time });
      const key = JSON.stringify(both);
      const seen = known.get(key) ?? both;
      known.set(key, seen);
      return seen;
    },
  };
}

/** Whether the amount is none: "0", "0h", "0.0 µM", "day 0". */
export const isZero = (text: string | undefined): boolean =>
  text !== undefined && /^(?:days?\s?|d|t)?0+(?:\.0+)?\s*[a-zµμ/%]*$/i.test(text.trim());

/** Whether a time of the column is that since cells were given something, as far as its name says. */
export const isSinceGiven = (column: string | undefined): boolean =>
  column === undefined || !TIME_OF_ANYTHING.test(plain(column));

function covariateColumns(obs: readonly string[], read: ReadLabels): CovariateColumns {
  const fits = (name: string) =>
    read(name).labels.length > 0 && read(name).labels.length <= MOST_VALUES;
  const isDose = (name: string, pattern: RegExp) =>
    pattern.test(plain(name)) && !NO_DOSE.test(plain(name)) && fits(name);
  const first = (names: readonly string[]) =>
    names.flatMap((name) => obs.filter((each) => plain(each) === plain(name))).find(fits);
  const named = first(DOSE) ?? obs.find((name) => isDose(name, DOSE_WITH_UNIT));
  const dose =
    named ??
    obs.find((name) => /dose|conc/.test(plain(name)) && isAmountInWords(read(name).labels)) ??
    alike(
      obs.filter(
        (name) =>
          isDose(name, DOSE_LIKE) && read(name).labels.every((label) => DOSE_VALUE.test(label)),
      ),
      read,
    );
  const unit = dose === undefined ? undefined : obs.find((name) => DOSE_UNIT.test(plain(name)));
  const isTime = (name: string, pattern: RegExp) =>
    pattern.test(plain(name)) &&
    fits(name) &&
    read(name).labels.some((label) => /\d/.test(label)) &&
    !read(name).labels.some((label) => CLOCK_OR_DATE.test(label));
  const time =
    first(TIME) ??
    [TIME_LIKE, TIME_OF_ANYTHING].flatMap((each) => obs.filter((name) => isTime(name, each)))[0];
  return {
    ...given({ dose, dose_unit: unit, time }),
  };
}

/** The first of the columns unless they differ on what is none: then they tell of several things. */
function alike(names: readonly string[], read: ReadLabels): string | undefined {
  if (names.length < 2) return names[0];
  const zeros = names.map((name) => {
    const column = read(name);
    return Array.from(column.codes, (_, cell) => isZero(labelAt(column, cell))).join();
  });
  return zeros.every((each) => each === zeros[0]) ? names[0] : undefined;
}

/** "5 µM" of "[('Adagrasib', 5.0, 'uM')]"; null where there is no amount in it, or several. */
function amountInWords(label: string): string | null {
  const [found, ...more] = label.matchAll(AMOUNT);
  if (found === undefined || more.length > 0 || found[0] === label.trim()) return null;
  const [, value = "", unit = ""] = found;
  return amountText(value, unit);
}

function isAmountInWords(labels: readonly string[]): boolean {
  if (labels.length < 2 || labels.length > MOST_GROUPS) return false;
  const amounts = labels.map(amountInWords);
  return !amounts.includes(null) && new Set(amounts).size <= MOST_VALUES;
}

/** Dose and time of each cell; null where it has neither. */
function covariatesOf(
  columns: CovariateColumns,
  obs: readonly string[],
  read: ReadLabels,
): ((cell: number) => Covariates) | null {
  if (columns.dose === undefined && columns.time === undefined) return null;
  const dose = columns.dose === undefined ? null : read(columns.dose);
  const doseUnit = columns.dose_unit === undefined ? null : read(columns.dose_unit);
  const time = columns.time === undefined ? null : read(columns.time);
  const timeUnit = obs.find((name) => TIME_UNIT.test(plain(name)));
  const timeUnits = timeUnit === undefined ? null : read(timeUnit);
  const known = new Map<string, Covariates>();
  return (cell) => {
    const key = [dose, doseUnit, time, timeUnits].map((each) => each?.codes[cell] ?? -1).join();
    const found = known.get(key) ?? {
      ...amount("dose", labelAt(dose, cell), labelAt(doseUnit, cell) ?? unitInName(columns.dose)),
      ...amount("time", labelAt(time, cell), labelAt(timeUnits, cell) ?? clockInName(columns.time)),
    };
    known.set(key, found);
    return found;
  };
}

function labelAt(column: CodedLabels | null, cell: number): string | undefined {
  return column?.labels[column.codes[cell] ?? -1];
}

function amount(name: "dose" | "time", value: string | undefined, unit: string | null): Covariates {
  if (value === undefined) return {};
  const number = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(value);
  return {
    [name]:
      number && unit !== null
        ? amountText(value, unit)
        : ((name === "dose" ? amountInWords(value) : null) ?? value),
  };
}

function unitInName(column: string | undefined): string | null {
  return DOSE_WITH_UNIT.exec(plain(column ?? ""))?.[1] ?? null;
}

/** "h" of time_h, "d" of days_post_infection. */
function clockInName(column: string | undefined): string | null {
  const name = plain(column ?? "").replace(/(?:post|after|of|since).*$/, "");
  if (/^h$|timeh$|h(?:ou)?rs?$|hpi$/.test(name)) return "h";
  if (/min(?:ute)?s?$/.test(name)) return "min";
  return /days?$|dpi$/.test(name) ? "d" : null;
}
