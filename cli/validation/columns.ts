import { donorName } from "../../science/validation/targets.ts";
import type { ValidatedTarget, Validation } from "./validation.ts";

type Row = readonly string[];

const COLUMNS: readonly {
  readonly heading: string;
  readonly meaning: string;
  readonly of: (target: ValidatedTarget | Validation["mean"]) => number | null | undefined;
}[] = [
  {
    heading: "pearson",
    meaning: "correlation of the predicted with the measured difference of means, over all genes",
    of: ({ pearson_delta }) => pearson_delta,
  },
  {
    heading: "expected",
    meaning: "what the run expected of it, without the truth",
    of: ({ expected_pearson }) => expected_pearson,
  },
  {
    heading: "low",
    meaning: "begin of its 90% interval",
    of: ({ expected_low }) => expected_low,
  },
  {
    heading: "high",
    meaning: "end of its 90% interval",
    of: ({ expected_high }) => expected_high,
  },
  {
    heading: "held",
    meaning: "1 where the interval holds pearson; the mean is the share that did",
    of: ({ expected_holds }) => expected_holds,
  },
  {
    heading: "delta",
    meaning: "pearson of delta transfer from the same prompt, whichever transfer was delivered",
    of: ({ delta_transfer_pearson }) => delta_transfer_pearson,
  },
  {
    heading: "others",
    meaning: "pearson of the mean of the other measured responses",
    of: ({ mean_of_others_pearson }) => mean_of_others_pearson,
  },
  {
    heading: "best",
    meaning: "pearson of the best single one of them, chosen by the truth (an oracle)",
    of: ({ best_single_pearson }) => best_single_pearson,
  },
  {
    heading: "ceiling",
    meaning: "what a predictor without noise could reach, from two halves of the truth",
    of: ({ noise_free_pearson }) => noise_free_pearson,
  },
  {
    heading: "mse",
    meaning: "mean squared error of the predicted difference",
    of: ({ mse_delta }) => mse_delta,
  },
  {
    heading: "mse delta",
    meaning: "the same for delta transfer from the same prompt",
    of: ({ delta_transfer_mse }) => delta_transfer_mse,
  },
  {
    heading: "mse others",
    meaning: "the same for the mean of the others",
    of: ({ mean_of_others_mse }) => mean_of_others_mse,
  },
  {
    heading: "mse none",
    meaning: "the same for no effect at all",
    of: ({ no_effect_mse }) => no_effect_mse,
  },
  {
    heading: "auroc",
    meaning: "how well the delivered ranking finds the genes that truly changed",
    of: ({ auroc }) => auroc,
  },
  {
    heading: "first 50",
    meaning: "share of the first 50 of that ranking that truly changed",
    of: ({ precision_at_50 }) => precision_at_50,
  },
  {
    heading: "direction",
    meaning: "share of the genes that truly changed whose direction is right",
    of: ({ direction_accuracy }) => direction_accuracy,
  },
  {
    heading: "overlap",
    meaning: "cell-eval's overlap@N: share of the significant genes among as many predicted ones",
    of: ({ cell_eval }) => cell_eval?.overlap_at_N,
  },
  {
    heading: "pr-auc",
    meaning: "cell-eval's PR-AUC: how well predicted p values find the significant genes",
    of: ({ cell_eval }) => cell_eval?.pr_auc,
  },
  {
    heading: "score",
    meaning: "grounding score, 1 to 10",
    of: ({ grounding_score }) => grounding_score,
  },
];

const figure = (value: number | null | undefined): string =>
  typeof value === "number" && Number.isFinite(value) ? value.toFixed(3) : "-";

/** The judged targets and their mean as rows, with what the columns mean. */
export function figuresTable({ targets, mean, seed }: Validation): {
  readonly heading: Row;
  readonly rows: readonly Row[];
  readonly meanings: readonly { readonly heading: string; readonly meaning: string }[];
} {
  const judged = targets.filter(({ status }) => status === "judged");
  const byDonor = judged.some(({ donor }) => donor !== null);
  const figures = (of: ValidatedTarget | Validation["mean"]): Row =>
    COLUMNS.map((column) => figure(column.of(of)));
  return {
    heading: [
      "cell type",
      "perturbation",
      ...(byDonor ? ["donor"] : []),
      "cells",
      ...COLUMNS.map(({ heading }) => heading),
      "transfer",
      "prompt",
    ],
    rows: [
      ...judged.map((target) => [
        target.cell_type,
        target.perturbation,
        ...(byDonor ? [target.donor === null ? "all" : donorName(target.donor)] : []),
        target.cells === null
          ? "-"
          : `${target.cells.treated}, ${target.cells.query_controls} + ${target.cells.truth_controls}`,
        ...figures(target),
        target.transfer ?? "-",
        target.prompt_strategy ?? "-",
      ]),
      ["mean", "", ...(byDonor ? [""] : []), "", ...figures(mean), "", ""],
    ],
    meanings: [
      {
        heading: "cells",
        meaning: `perturbed, controls of the query + controls of the truth, which share none (halved under seed ${seed})`,
      },
      ...COLUMNS,
    ],
  };
}
