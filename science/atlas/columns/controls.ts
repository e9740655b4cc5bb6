import type { CodedLabels } from "./labels.ts";
import type { IsOther } from "./control-labels.ts";
import { controlReading, rank } from "./control-labels.ts";

/** Which labels of a perturbation column mark control cells. */
export interface Controls {
  /** The label that perturbed cells are compared with; null: cells without a label are controls. */
  readonly main: string | null;
  /** Labels that mean the same as `main`, `main` among them: their cells are pooled. */
  readonly pooled: readonly string[];
  /** Labels of other controls: their cells are controls too, in groups of their own. */
  readonly others: readonly string[];
  /** Labels that look like controls but were not taken for one. */
  readonly doubtful: readonly string[];
  /** Cells without a label are controls too; so they are where `main` is null. */
  readonly withMissing?: boolean;
  /** Cells whose dose or time is zero are the controls, and no label marks any. */
  readonly atZero?: "dose" | "time";
}

/** One control has this many times the cells of another that its name would put first. */
const CLEARLY_MORE = 2;

/**
 * The controls of a column by the names of its labels. Null when no label is that of a control and
 * no label is missing.
 */
export function findControls(column: CodedLabels, isOther?: IsOther): Controls | null {
  const sizes = new Float64Array(column.labels.length);
  for (const code of column.codes) if (code >= 0) sizes[code] = (sizes[code] as number) + 1;
  const found = column.labels.flatMap((label, code) => {
    const reading = controlReading(label, isOther);
    return reading === null || sizes[code] === 0
      ? []
      : [{ ...reading, label, cells: sizes[code] as number }];
  });
  if (found.length === 0 || found.length === column.labels.length) {
    const allControls = found.length > 0 && column.missing === 0;
    if (allControls) return controlsOf(withoutCodes(found));
    return column.missing > 0 && column.labels.length > 0
      ? { main: null, pooled: [], others: [], doubtful: [] }
      : null;
  }
  return controlsOf(withoutCodes(found));
}

interface Found {
  readonly kind: Parameters<typeof rank>[0];
  readonly base: string;
  readonly label: string;
  readonly cells: number;
}

/** NT-3 is a neurotrophin, WT-161, SCR7 and PBS-57 are compounds; guides and wells are numbered as well. */
const CODE = /^(?<name>nt|scr|wt|pbs|luc)-?0*(?<number>\d+)$/i;
const FIRST = new Set(["0", "1", "2"]);
const NEUROTROPHINS = new Set(["3", "4", "5"]);

const numberOf = ({ label }: Found): string => CODE.exec(label.trim())?.groups?.["number"] ?? "";

/**
 * A label like NT-3 only looks like a control where another is there, and it is not one of several
 * that are numbered: WT-3 beside WT-5, or beside WT; PBS-57 beside PBS is the compound.
 */
function withoutCodes(found: readonly Found[]): readonly Found[] {
  const nameOf = ({ label }: Found): string =>
    CODE.exec(label.trim())?.groups?.["name"]?.toLowerCase() ?? "";
  const plain = found.filter((one) => nameOf(one) === "");
  if (!plain.some(({ kind }) => rank(kind) < rank("none"))) return found;
  const named = Map.groupBy(found, nameOf);
  return found.map((one): Found => {
    const name = nameOf(one);
    const number = numberOf(one);
    const isOneOf = plain.some(({ base }) => base === one.base);
    if (name === "" || (isOneOf && (one.kind === "non-targeting" || number.length < 2))) return one;
    const numbers = new Set(named.get(name)?.map(numberOf));
    const isSeries =
      [...numbers].some((each) => FIRST.has(each)) ||
      (numbers.size > 1 &&
        !(name === "nt" && [...numbers].every((each) => NEUROTROPHINS.has(each))));
    return isSeries ? one : { ...one, kind: "like a control" };
  });
}

const bestRank = (found: readonly Found[]): number =>
  found.reduce((best, { kind }) => Math.min(best, rank(kind)), Infinity);

function controlsOf(found: readonly Found[]): Controls {
  const sure = found.filter(({ kind }) => kind !== "none" && kind !== "like a control");
  const taken = sure.length > 0 ? sure : weakest(found);
  const isTaken = new Set(taken);
  const bases = [...Map.groupBy(taken, ({ base }) => base).values()].map((labels) => ({
    labels: labels.toSorted((a, b) => b.cells - a.cells || (a.label < b.label ? -1 : 1)),
    cells: labels.reduce((total, { cells }) => total + cells, 0),
    rank: bestRank(labels),
  }));
  bases.sort(
    (a, b) => a.rank - b.rank || moreCells(b.cells, a.cells) || (first(a) < first(b) ? -1 : 1),
  );
  const [main, ...others] = bases;
  return {
    main: main === undefined ? null : first(main),
    pooled: main?.labels.map(({ label }) => label) ?? [],
    others: others.flatMap(({ labels }) => labels.map(({ label }) => label)),
    doubtful: found.filter((one) => !isTaken.has(one)).map(({ label }) => label),
  };
}

function weakest(found: readonly Found[]): readonly Found[] {
  const best = bestRank(found);
  return found.filter(({ kind }) => rank(kind) === best);
}

function first({ labels }: { readonly labels: readonly Found[] }): string {
  return labels[0]?.label ?? "";
}

function moreCells(a: number, b: number): number {
  if (a > CLEARLY_MORE * b) return 1;
  return b > CLEARLY_MORE * a ? -1 : 0;
}

/** 1 where a cell is a control. */
export function controlCells(column: CodedLabels, controls: Controls): Uint8Array {
  const marked = new Set([...controls.pooled, ...controls.others]);
  const isControl = Uint8Array.from(column.labels, (label) => (marked.has(label) ? 1 : 0));
  return Uint8Array.from(column.codes, (code) =>
    code < 0 ? (controls.main === null ? 1 : 0) : (isControl[code] as number),
  );
}

/**
 * The controls of a column as those cells tell them that another column marks as controls: the
 * labels that these cells have and no other has. Null unless that covers them all.
 */
export function controlsByCells(column: CodedLabels, control: Uint8Array): Controls | null {
  const inside = new Float64Array(column.labels.length);
  const outside = new Float64Array(column.labels.length);
  let missing = 0;
  for (const [cell, code] of column.codes.entries()) {
    const counts = control[cell] === 1 ? inside : outside;
    if (code >= 0) counts[code] = (counts[code] as number) + 1;
    else if (control[cell] === 1) missing += 1;
  }
  const own = column.labels
    .map((label, code) => ({ label, code }))
    .filter(({ code }) => (inside[code] as number) > 0);
  if (own.some(({ code }) => (outside[code] as number) > 0)) return null;
  if (own.length === 0)
    return missing > 0 && missing === column.missing
      ? { main: null, pooled: [], others: [], doubtful: [] }
      : null;
  if (missing > 0) return null;
  const sorted = own.toSorted((a, b) => (inside[b.code] as number) - (inside[a.code] as number));
  return {
    main: sorted[0]?.label ?? null,
    pooled: sorted.map(({ label }) => label),
    others: [],
    doubtful: [],
  };
}
