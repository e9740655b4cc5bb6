import type { Covariates } from "../atlas-index.ts";
import { amountText } from "./amount-text.ts";
import {
  clockInName,
  DOSE,
  isDoseLike,
  isDoseUnit,
  isDoseWithUnit,
  isTimeLike,
  isTimeOfAnything,
  isTimeUnit,
  isUnitAlone,
  TIME,
  unitInName,
} from "./covariate-names.ts";
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

const DOSE_VALUE =
  /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$|^(?:none|zero|low|mid|middle|medium|moderate|high|max)$/i;
/** "10:30", "2021-03-01". */
const CLOCK_OR_DATE = /\d:\d|\d[-/.]\d+[-/.]\d/;
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

function covariateColumns(obs: readonly string[], read: ReadLabels): CovariateColumns {
  const fits = (name: string) =>
    read(name).labels.length > 0 && read(name).labels.length <= MOST_VALUES;
  const first = (names: readonly string[]) =>
    names.flatMap((name) => obs.filter((each) => plain(each) === plain(name))).find(fits);
  const isMeasured = (name: string) =>
    fits(name) && read(name).labels.every((label) => DOSE_VALUE.test(label));
  const named = first(DOSE) ?? obs.find((name) => isDoseWithUnit(name) && fits(name));
  const dose =
    named ??
    obs.find((name) => /dose|conc/.test(plain(name)) && isAmountInWords(read(name).labels)) ??
    alike(
      obs.filter((name) => isDoseLike(name) && isMeasured(name)),
      read,
    ) ??
    obs.find((name) => isUnitAlone(name) && isMeasured(name));
  const unit = dose === undefined ? undefined : obs.find(isDoseUnit);
  const isTime = (name: string, isNamed: (column: string) => boolean) =>
    isNamed(name) &&
    fits(name) &&
    read(name).labels.some((label) => /\d/.test(label)) &&
    !read(name).labels.some((label) => CLOCK_OR_DATE.test(label));
  const time =
    first(TIME) ??
    [isTimeLike, isTimeOfAnything].flatMap((each) => obs.filter((name) => isTime(name, each)))[0];
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

/** "5 µM" of "5uM"; null for what is more. */
function plainAmount(label: string): string | null {
  const [found] = label.matchAll(AMOUNT);
  return found === undefined || found[0] !== label.trim()
    ? null
    : amountText(found[1] ?? "", found[2] ?? "");
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
  const timeUnit = obs.find(isTimeUnit);
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
        : ((name === "dose" ? (plainAmount(value) ?? amountInWords(value)) : null) ?? value),
  };
}
