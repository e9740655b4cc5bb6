import type { CompleteChoice } from "./choose-columns.ts";
import { NO_LABEL } from "./choose-columns.ts";
import { combinations } from "./combinations.ts";
import { isZero } from "./covariates.ts";
import { codedLabels, type CodedLabels } from "./labels.ts";

type Choice = CompleteChoice & { readonly perturbation: string };

export interface GroupedLabels {
  readonly cells: CodedLabels;
  /** What is to be known of it, in sentences. */
  readonly notes: readonly string[];
}

/**
 * What each cell was given as groups tell it: labels of one control as one, labels without the amounts
 * in them, combinations whatever the order of their parts, and controls that only a missing label or
 * a zero marks. -1: left out, or without a label.
 * Cells at dose zero of what others were given more of are controls, unless control cells have a dose.
 */
export function groupedLabels(
  { perturbation, controls, amounts, read, isOther, geneOf }: Choice,
  out: Uint8Array,
): GroupedLabels {
  const column = read(perturbation);
  const { labels, codes } = column;
  const { nameOf, notes } = combinations(column, new Set(amounts.inLabels.keys()), {
    isOther,
    geneOf,
  });
  const control = controls.main ?? NO_LABEL;
  const pooled = new Set(controls.pooled);
  const kept = new Set(controls.others);
  const missingIsControl =
    controls.withMissing === true || (controls.main === null && controls.atZero === undefined);
  const grouped = labels.map((label) => {
    if (pooled.has(label)) return control;
    return kept.has(label)
      ? label
      : (amounts.inLabels.get(label)?.stem ?? nameOf.get(label) ?? label);
  });
  const { atZero } = controls;
  const cells = Array.from(codes, (code, cell) => {
    if (out[cell] === 1) return null;
    if (code < 0) return missingIsControl ? control : null;
    if (atZero !== undefined && isZero(amounts.of?.(cell)[atZero])) return control;
    return grouped[code] ?? null;
  });
  const isControl = new Set([control, ...controls.others]);
  const zeros = { dose: new Map<string, number>(), time: new Map<string, number>() };
  const more = new Set<string>();
  // Of logarithms zero is an amount.
  let isLogarithm = false;
  cells.forEach((label, cell) => {
    if (label === null || isControl.has(label)) return;
    if (amounts.of?.(cell).dose?.startsWith("-") === true) isLogarithm = true;
    const { dose, time } = amounts.of?.(cell) ?? {};
    if (dose !== undefined && !isZero(dose)) more.add(label);
    if (isZero(dose)) zeros.dose.set(label, (zeros.dose.get(label) ?? 0) + 1);
    else if (isZero(time)) zeros.time.set(label, (zeros.time.get(label) ?? 0) + 1);
  });
  if (isLogarithm) zeros.dose.clear();
  const tellsNothing = hasDose(amounts.columns.dose, read, (cell) =>
    isControl.has(cells[cell] ?? ""),
  );
  const isNothing = (label: string | null, cell: number): boolean =>
    !tellsNothing &&
    label !== null &&
    zeros.dose.has(label) &&
    more.has(label) &&
    isZero(amounts.of?.(cell).dose);
  return {
    cells: codedLabels(
      perturbation,
      zeros.dose.size === 0
        ? cells
        : cells.map((label, cell) => (isNothing(label, cell) ? control : label)),
    ),
    notes: [
      ...notes,
      ...said(
        zeros.dose,
        (label) => more.has(label),
        tellsNothing ? ZERO_OF_BOTH : ZERO_IS_CONTROL,
      ),
      ...said(zeros.dose, (label) => !more.has(label), ZERO_ALONE),
      ...said(zeros.time, () => true, "at time zero are kept as perturbed cells"),
    ],
  };
}

/** Whether the column of the dose has a number above zero in any of the cells. */
function hasDose(
  dose: string | undefined,
  read: Choice["read"],
  isMeant: (cell: number) => boolean,
): boolean {
  if (dose === undefined) return false;
  const { labels, codes } = read(dose);
  const isMore = labels.map((label) => /^\+?[\d.]/.test(label) && Number.parseFloat(label) > 0);
  return codes.some((code, cell) => isMore[code] === true && isMeant(cell));
}

const ZERO_IS_CONTROL = "at dose zero were taken as controls";
const ZERO_OF_BOTH =
  "at dose zero are kept as perturbed cells, as control cells have a dose above zero";
const ZERO_ALONE =
  "have dose zero and no others more, so they are kept as perturbed cells, their dose unknown";
const SHOWN = 5;

function said(
  cells: ReadonlyMap<string, number>,
  isMeant: (label: string) => boolean,
  what: string,
): string[] {
  const meant = [...cells].filter(([label]) => isMeant(label));
  const n = meant.reduce((sum, [, each]) => sum + each, 0);
  const named = meant
    .slice(0, SHOWN)
    .map(([label]) => label)
    .join(", ");
  const rest = meant.length - SHOWN;
  return n === 0
    ? []
    : [`${n} cells given ${named}${rest > 0 ? ` and ${rest} more` : ""} ${what}.`];
}
