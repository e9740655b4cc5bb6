import { plain } from "./usual-names.ts";

const UNITS: Readonly<Record<string, string>> = {
  nm: "nM",
  um: "µM",
  mm: "mM",
  pm: "pM",
  fm: "fM",
  nanomolar: "nM",
  micromolar: "µM",
  millimolar: "mM",
  picomolar: "pM",
  pgml: "pg/ml",
  ngml: "ng/ml",
  ugml: "µg/ml",
  mgml: "mg/ml",
  ngl: "ng/l",
  ugl: "µg/l",
  mgl: "mg/l",
  mgkg: "mg/kg",
  ugkg: "µg/kg",
  ug: "µg",
  uml: "U/ml",
  unitml: "U/ml",
  unitsml: "U/ml",
  unitsperml: "U/ml",
  iuml: "IU/ml",
};

/** "5 µM" of 5.0 and uM: the number without needless digits, the unit as it is usually written. */
export function amountText(number: string, unit: string): string {
  const known = UNITS[plain(unit.replace(/[µμ]/, "u").replace(/per/i, "/"))];
  return `${Number(number)} ${known ?? unit}`;
}
