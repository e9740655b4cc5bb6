import type { Discrimination } from "../../science/validation/discrimination.ts";
import type { Figure } from "./figure.ts";
import type { Vcc2026Figures } from "./vcc2026-figures.ts";
import type { CellEval } from "../../science/validation/cell-eval.ts";
import type { CellSplit } from "../../science/validation/judged-target.ts";
import type { ExpectedAccuracy, Transfer } from "../../science/accuracy/accuracy-schema.ts";
import type { Withholdable } from "../../science/atlas/withhold.ts";
import type { TargetOutcome } from "./validate-target.ts";

/** What `haystack validate` prints and writes, beside the cells of each target. */

interface Figures {
  readonly pearson_delta: Figure;
  readonly spearman_delta: Figure;
  readonly mse_delta: Figure;
  readonly direction_accuracy: Figure;
  readonly auroc: Figure;
  readonly average_precision: Figure;
  readonly precision_at_50: Figure;
  readonly auroc_by_abs_delta: Figure;
  readonly precision_at_50_by_abs_delta: Figure;
  readonly truly_changed: Figure;
  readonly called_changed: Figure;
  readonly genes_per_cell: Figure;
  readonly measured_genes_per_cell: Figure;
  readonly no_effect_mse: Figure;
  readonly mean_of_others_pearson: Figure;
  readonly mean_of_others_mse: Figure;
  readonly best_single_pearson: Figure;
  readonly delta_transfer_pearson: Figure;
  readonly delta_transfer_mse: Figure;
  readonly half_pearson: Figure;
  readonly full_pearson: Figure;
  readonly noise_free_pearson: Figure;
  readonly first_pearson_delta: Figure;
  readonly expected_pearson: Figure;
  readonly expected_low: Figure;
  readonly expected_high: Figure;
  /** 1 where the interval holds pearson_delta, else 0; the mean is the coverage. */
  readonly expected_holds: Figure;
  readonly grounding_score: Figure;
  /** Arc's cell-eval, by the names of its metrics. */
  readonly cell_eval: Readonly<Record<keyof (CellEval & Discrimination), Figure>> | null;
}

/** Figures with those that targets of the same controls have only together. */
interface AllFigures extends Figures {
  /** Arc's vcc2026 suite, by the names of its metrics. */
  readonly vcc2026: Vcc2026Figures | null;
}

export interface ValidatedTarget extends AllFigures {
  readonly cell_type: string;
  readonly perturbation: string;
  readonly donor: string | null;
  readonly withheld: readonly Withholdable[];
  readonly status: TargetOutcome["status"];
  /** Why it was not judged. */
  readonly reason: string | null;
  readonly cells: Record<"treated" | "query_controls" | "truth_controls", number> | null;
  /** Other measured responses that the mean of the others is of. */
  readonly others: number | null;
  readonly control_strategy_effective: string | null;
  readonly grounding_scores: readonly number[];
  /** What the built-in baseline delivered; null of other models. */
  readonly transfer: Transfer["kind"] | null;
  readonly prompt_strategy: string | null;
  readonly prompt: string | null;
  readonly run_id: string | null;
  /** The delivered file that was judged. */
  readonly predictions: string | null;
}

export interface Validation {
  readonly dataset: string;
  readonly seed: number;
  readonly control_strategy: string;
  readonly targets: readonly ValidatedTarget[];
  /** Over the judged targets. */
  readonly mean: AllFigures;
  readonly files: Record<"figures" | "split" | "report", string>;
}

export function validatedTarget(
  { target, what, status, reason, document, judged }: TargetOutcome,
  ofPanel: {
    readonly vcc2026: Vcc2026Figures | null;
    readonly discrimination: Discrimination | null;
  },
): ValidatedTarget {
  const delivered = document?.iterations.find(
    ({ iteration }) => iteration === document.delivered_iteration,
  );
  return {
    ...target,
    withheld: what,
    status,
    reason,
    cells: judged === null ? null : countsOf(judged.split),
    ...figuresOf({ judged, document }, ofPanel.discrimination),
    vcc2026: ofPanel.vcc2026,
    others: judged?.references.others ?? null,
    control_strategy_effective: document?.control_strategy_effective ?? null,
    grounding_scores: document?.grounding_scores ?? [],
    transfer: delivered?.transfer?.kind ?? null,
    prompt_strategy: delivered?.prompt_strategy ?? null,
    prompt: delivered?.prompt_rationale ?? null,
    run_id: document?.run_id ?? null,
    predictions: judged === null ? null : (document?.output_anndata_path ?? null),
  };
}

const countsOf = (split: CellSplit) => ({
  treated: split.treated.length,
  query_controls: split.query_controls.length,
  truth_controls: split.truth_controls.length,
});

function figuresOf(
  { judged, document }: Pick<TargetOutcome, "judged" | "document">,
  discrimination: Discrimination | null,
): Figures {
  const { judgement, references } = judged ?? {};
  const known = (value: number | null | undefined): Figure =>
    typeof value === "number" && Number.isFinite(value) ? value : null;
  return {
    pearson_delta: known(judgement?.pearson),
    spearman_delta: known(judgement?.spearman),
    mse_delta: known(judgement?.mse),
    direction_accuracy: known(judgement?.direction_accuracy),
    auroc: known(judgement?.by_rank.auroc),
    average_precision: known(judgement?.by_rank.average_precision),
    precision_at_50: known(judgement?.by_rank.precision_at_50),
    auroc_by_abs_delta: known(judgement?.by_abs_delta.auroc),
    precision_at_50_by_abs_delta: known(judgement?.by_abs_delta.precision_at_50),
    truly_changed: known(judgement?.truly_changed),
    called_changed: known(judgement?.called_changed),
    genes_per_cell: known(judgement?.genes_per_cell.predicted),
    measured_genes_per_cell: known(judgement?.genes_per_cell.measured),
    no_effect_mse: known(references?.no_effect.mse),
    mean_of_others_pearson: known(references?.mean_of_others?.pearson),
    mean_of_others_mse: known(references?.mean_of_others?.mse),
    best_single_pearson: known(references?.best_single?.pearson),
    delta_transfer_pearson: known(judged?.delta_transfer.pearson),
    delta_transfer_mse: known(judged?.delta_transfer.mse),
    half_pearson: known(references?.ceiling.r_half),
    full_pearson: known(references?.ceiling.r_full),
    noise_free_pearson: known(references?.ceiling.r_noise_free),
    first_pearson_delta: known(judged?.first_pearson),
    ...expectedOf(document?.expected_accuracy ?? null, known(judgement?.pearson)),
    grounding_score: known(document?.final_score),
    cell_eval:
      judgement === undefined
        ? null
        : (Object.fromEntries(
            Object.entries({ ...judgement.cell_eval, ...discrimination }).map(([name, value]) => [
              name,
              known(value),
            ]),
          ) as Record<keyof (CellEval & Discrimination), Figure>),
  };
}

function expectedOf(expected: ExpectedAccuracy | null, actual: Figure) {
  if (expected?.known !== true)
    return {
      expected_pearson: null,
      expected_low: null,
      expected_high: null,
      expected_holds: null,
    };
  const { pearson, low, high } = expected;
  return {
    expected_pearson: pearson,
    expected_low: low,
    expected_high: high,
    expected_holds: actual === null ? null : Number(low <= actual && actual <= high),
  };
}

/** Each figure over the judged targets that have it. */
export function meanFigures(targets: readonly ValidatedTarget[]): Figures {
  const judged = targets.filter(({ status }) => status === "judged");
  const { cell_eval: _, ...empty } = figuresOf({ judged: null, document: null }, null);
  const over = <Name extends string>(
    names: readonly Name[],
    of: (target: ValidatedTarget) => Readonly<Partial<Record<Name, Figure>>> | null,
  ) =>
    Object.fromEntries(
      names.map((name) => [name, mean(judged.flatMap((target) => of(target)?.[name] ?? []))]),
    ) as Record<Name, Figure>;
  const metrics = Object.keys(judged[0]?.cell_eval ?? {}) as (keyof (CellEval & Discrimination))[];
  return {
    ...over(Object.keys(empty) as (keyof typeof empty)[], (target) => target),
    cell_eval: metrics.length === 0 ? null : over(metrics, ({ cell_eval }) => cell_eval),
  };
}

const mean = (values: readonly number[]): Figure =>
  values.length === 0 ? null : values.reduce((sum, each) => sum + each, 0) / values.length;
