/**
 * What the values of a slot are. "roots": of whole numbers. "linear": none of these, such as CPM or TPM. "mask": 0
 * and 1 alone. "ranks": whole numbers spread evenly, as ranks and bins are and counts are not.
 */
export type ValueKind =
  | "empty"
  | "counts"
  | "mask"
  | "ranks"
  | "log1p"
  | "roots"
  | "linear"
  | "negative"
  | "not finite";

/** log2 of a million is 19.9: larger values are not logarithms of normalised counts. */
const LOG1P_MAX = 20;
const NOT_WHOLE = 1e-3;
/** Of fewer values nobody can tell how they are spread. */
const MANY = 5000;
/** Of counts hardly any lie in the upper half of their range; of ranks and bins half do. */
const UPPER_HALF = 0.25;

export function classifyValues(values: Float32Array): ValueKind {
  let whole = true;
  let negative = false;
  let roots = true;
  let highest = -Infinity;
  let stored = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) return "not finite";
    if (value < 0) negative = true;
    if (Math.abs(value - Math.round(value)) > NOT_WHOLE) whole = false;
    if (Math.abs(value ** 2 - Math.round(value ** 2)) > NOT_WHOLE) roots = false;
    if (value > highest) highest = value;
    if (value > 0) stored += 1;
  }
  if (negative) return "negative";
  if (!(highest > 0)) return "empty";
  if (!whole && roots) return "roots";
  if (!whole) return highest <= LOG1P_MAX ? "log1p" : "linear";
  if (highest <= 1) return "mask";
  const upper =
    stored < MANY ? 0 : values.reduce((n, value) => n + (value > highest / 2 ? 1 : 0), 0);
  return upper > UPPER_HALF * stored && highest > 3 ? "ranks" : "counts";
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
    if (linear.every((value) => isWhole(value * scale)) && isOneEach(linear, scale))
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
 * Whether the values that stand for one small count are one value: of another transform values that
 * differ clearly would become the same count.
 */
function isOneEach(linear: Float64Array, scale: number): boolean {
  const least = new Float64Array(FEW).fill(Infinity);
  const most = new Float64Array(FEW);
  for (const value of linear) {
    const count = Math.round(value * scale);
    if (count >= FEW) continue;
    if (value < (least[count] as number)) least[count] = value;
    if (value > (most[count] as number)) most[count] = value;
  }
  return most.every((value, count) => value <= SPREAD * (least[count] as number));
}
const FEW = 10;
const SPREAD = 1.04;

/**
 * Logarithms kept to three decimals, as some files have them, carry a relative error near 1e-3 into
 * the count.
 */
function isWhole(value: number): boolean {
  return Math.abs(value - Math.round(value)) <= 0.05 + 1e-3 * value;
}
