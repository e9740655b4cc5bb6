import type { CompleteChoice } from "./choose-columns.ts";
import { NO_LABEL } from "./choose-columns.ts";
import { isZero } from "./covariates.ts";
import { codedLabels, type CodedLabels } from "./labels.ts";

/**
 * What each cell was given as groups tell it: labels of one control as one, labels without the amounts
 * in them, and controls that only a missing label or a zero marks. -1: left out, or without a label.
 */
export function groupedLabels(
  { perturbation, controls, amounts, read }: CompleteChoice & { readonly perturbation: string },
  out: Uint8Array,
): CodedLabels {
  const { labels, codes } = read(perturbation);
  const control = controls.main ?? NO_LABEL;
  const pooled = new Set(controls.pooled);
  const kept = new Set(controls.others);
  const missingIsControl =
    controls.withMissing === true || (controls.main === null && controls.atZero === undefined);
  const grouped = labels.map((label) => {
    if (pooled.has(label)) return control;
    return kept.has(label) ? label : (amounts.inLabels.get(label)?.stem ?? label);
  });
  const { atZero } = controls;
  const cells = Array.from(codes, (code, cell) => {
    if (out[cell] === 1) return null;
    if (code < 0) return missingIsControl ? control : null;
    if (atZero !== undefined && isZero(amounts.of?.(cell)[atZero])) return control;
    return grouped[code] ?? null;
  });
  return codedLabels(perturbation, cells);
}
