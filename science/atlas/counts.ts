import { HaystackError } from "../../errors.ts";
import type { H5adFile, Slot } from "../anndata/open.ts";

/** What the values of a slot are. "linear": neither whole nor log1p, such as CPM or TPM. */
export type ValueKind = "empty" | "counts" | "log1p" | "linear" | "negative" | "not finite";

export interface CountsSource {
  readonly slot: Slot;
  readonly kind: "counts" | "log1p";
}

/** log1p of a million is 13.8: larger values are not logarithms of normalised counts. */
const LOG1P_MAX = 15;
const COUNT_LAYER = /^layers\/(raw[_.-]?)?(counts?|umis?|raw)([_.-]?raw)?$/i;
const NOT_WHOLE = 1e-3;

export function classifyValues(values: Float32Array): ValueKind {
  let whole = true;
  let negative = false;
  let highest = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) return "not finite";
    if (value < 0) negative = true;
    if (Math.abs(value - Math.round(value)) > NOT_WHOLE) whole = false;
    if (value > highest) highest = value;
  }
  if (negative) return "negative";
  if (!(highest > 0)) return "empty";
  if (whole) return "counts";
  return highest <= LOG1P_MAX ? "log1p" : "linear";
}

/**
 * Chooses the slot to import: raw counts wherever they live (X, a layer called counts, raw/X, any
 * other layer), else log-normalised values. `layer` ("X", "raw/X", "layers/counts" or "counts")
 * decides instead when given.
 * @throws COLUMN_NOT_FOUND for an unknown layer, COUNTS_INVALID when no slot can be used,
 * ANNDATA_INVALID without any slot
 */
export function chooseSlot(file: H5adFile, layer: string | undefined): CountsSource {
  const candidates =
    layer === undefined
      ? ordered(file.slots)
      : file.slots.filter(
          ({ name }) => name === layer || name === `layers/${layer}` || name === `${layer}/X`,
        );
  const names = file.slots.map(({ name }) => name).join(", ") || "none";
  if (candidates.length === 0 && layer !== undefined)
    throw new HaystackError(
      "COLUMN_NOT_FOUND",
      `${file.path} has no layer "${layer}"; its matrices are: ${names}.`,
    );
  if (candidates.length === 0)
    throw new HaystackError(
      "ANNDATA_INVALID",
      `${file.path} contains no matrix of cells x genes; write the file again with the counts in adata.X.`,
    );
  const classified = candidates.map((slot) => ({ slot, kind: classifyValues(file.sample(slot)) }));
  for (const wanted of ["counts", "log1p"] as const) {
    const found = classified.find(({ kind }) => kind === wanted);
    if (found !== undefined) return { slot: found.slot, kind: wanted };
  }
  const what = classified.map(({ slot, kind }) => `${slot.name} ${DESCRIPTION[kind]}`).join(", ");
  const message = `${file.path} has no usable counts: ${what}; keep the raw counts in adata.layers["counts"] or adata.raw before scaling or correcting, and write the file again.`;
  throw new HaystackError("COUNTS_INVALID", message);
}

const DESCRIPTION: Record<ValueKind, string> = {
  empty: "has no value above zero",
  counts: "holds counts",
  log1p: "holds log-normalised values",
  linear: "is normalised but not log-transformed",
  negative: "has negative values, as scaled data do",
  "not finite": "has missing (NaN) or infinite values",
};

function ordered(slots: readonly Slot[]): Slot[] {
  return slots
    .filter(({ name }) => !/^layers\/(un)?spliced$|^layers\/ambiguous$/i.test(name))
    .toSorted((a, b) => rank(a) - rank(b));
}

function rank({ name }: Slot): number {
  if (name === "X") return 0;
  if (COUNT_LAYER.test(name)) return 1;
  return name === "raw/X" ? 2 : 3;
}

export interface CellCounts {
  readonly counts: Float32Array;
  /** Position of the first value that cannot be a count, -1 when there is none. */
  readonly bad: number;
  /** False when whole counts could not be recovered from logarithms and were rounded. */
  readonly exact: boolean;
}

/**
 * The counts of one cell from its stored values, zeros left out. For log1p values of c / L * T the
 * counts c follow without knowing L or T: expm1(x) is proportional to c, and the smallest is one of
 * the counts 1 to 10.
 */
export function cellCounts(
  values: Float32Array,
  kind: "counts" | "log1p",
  logBase: number,
): CellCounts {
  const tolerance = kind === "counts" ? NOT_WHOLE : 1;
  const counts = new Float32Array(values.length);
  let bad = -1;
  for (let at = values.length - 1; at >= 0; at -= 1) {
    const value = values[at] as number;
    const count = Math.round(value);
    counts[at] = count;
    if (!(value >= 0 && value < Infinity && Math.abs(value - count) <= tolerance)) bad = at;
  }
  if (bad >= 0 || kind === "counts") return { counts, bad, exact: true };
  const toNatural = Math.log(logBase);
  const linear = Float64Array.from(values, (value) => Math.expm1(value * toNatural));
  const smallest = linear.reduce((least, value) => (value < least ? value : least), Infinity);
  for (let count = 1; count <= 10; count += 1) {
    const scale = refineScale(linear, count / smallest);
    if (linear.every((value) => isWhole(value * scale)))
      return {
        counts: Float32Array.from(linear, (value) => Math.round(value * scale)),
        bad,
        exact: true,
      };
  }
  return {
    counts: Float32Array.from(linear, (value) => Math.round(value / smallest)),
    bad,
    exact: false,
  };
}

/**
 * The smallest value alone may be rounded; all values that come near small counts give a better
 * scale.
 */
function refineScale(linear: Float64Array, scale: number): number {
  let counts = 0;
  let values = 0;
  for (const value of linear) {
    if (value * scale > 20) continue;
    counts += Math.round(value * scale);
    values += value;
  }
  return values > 0 ? counts / values : scale;
}

/**
 * Logarithms kept to three decimals, as some files have them, carry a relative error near 1e-3 into
 * the count.
 */
function isWhole(value: number): boolean {
  return Math.abs(value - Math.round(value)) <= 0.05 + 1e-3 * value;
}
