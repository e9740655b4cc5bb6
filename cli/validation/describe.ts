import { renderValidationReport } from "../../science/report/validation-report.ts";
import { donorName } from "../../science/validation/targets.ts";
import { table } from "../output.ts";
import { figuresTable } from "./columns.ts";
import { vcc2026Rows } from "./vcc2026-figures.ts";
import type { TargetOutcome } from "./validate-target.ts";
import type { ValidatedTarget, Validation } from "./validation.ts";

const NAMES = { "cell-type": "cell type", donor: "donor", perturbation: "perturbation" } as const;

const withheldOf = ({ targets }: Validation): string =>
  (targets[0]?.withheld ?? []).map((each) => NAMES[each]).join(" and a new ");

const nameOf = ({
  cell_type,
  perturbation,
  donor,
}: Pick<ValidatedTarget, "cell_type" | "perturbation" | "donor">): string =>
  [cell_type, perturbation, ...(donor === null ? [] : [donorName(donor)])].join(", ");

const notJudged = ({ targets }: Validation) =>
  targets
    .filter(({ status }) => status !== "judged")
    .map((target) => ({ name: nameOf(target), reason: target.reason ?? "" }));

/** The validation as a table, with what its columns mean and why targets are missing in it. */
export function describeValidation(validation: Validation): string {
  const { files } = validation;
  const { heading, rows, meanings } = figuresTable(validation);
  const others = notJudged(validation);
  return [
    `Each target is predicted as a new ${withheldOf(validation)}.`,
    ...(rows.length === 1
      ? []
      : [
          table(heading, rows),
          "",
          ...meanings.map((column) => `${column.heading}: ${column.meaning}`),
        ]),
    ...(others.length === 0 ? [] : ["", "Not judged:"]),
    ...others.map(({ name, reason }) => `  ${name}: ${reason}`),
    "",
    `Figures  ${files.figures}`,
    `Split    ${files.split}`,
    `Report   ${files.report}`,
  ].join("\n");
}

/** The same as a page with charts. */
export function validationPage(
  validation: Validation,
  outcomes: readonly TargetOutcome[],
): Promise<string> {
  const { heading, rows, meanings } = figuresTable(validation);
  return renderValidationReport({
    dataset: validation.dataset,
    seed: validation.seed,
    withheld: withheldOf(validation),
    targets: outcomes.flatMap(({ target, judged, document }) => {
      if (judged === null) return [];
      const { mean_of_others: others, best_single: best, ceiling } = judged.references;
      const expected = document?.expected_accuracy;
      return [
        {
          name: nameOf(target),
          pearson: judged.judgement.pearson,
          others: others?.pearson ?? null,
          best: best?.pearson ?? null,
          ceiling: ceiling.r_noise_free,
          expected: expected?.known === true ? expected : null,
          points: judged.points,
        },
      ];
    }),
    notJudged: notJudged(validation),
    table: { heading, rows },
    meanings: meanings.map((column) => ({ heading: column.heading, meaning: column.meaning })),
    vcc2026: vcc2026Rows(validation.mean.vcc2026),
  });
}
