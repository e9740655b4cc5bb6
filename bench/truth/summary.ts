import type { Judgement } from "./judge.ts";
import type { References } from "./references.ts";
import type { Target } from "./sets.ts";

export interface Judged {
  readonly target: Target;
  /** Perturbed and control cells of the target. */
  readonly cells: readonly [number, number];
  readonly references: References;
  readonly run: {
    readonly status: string;
    readonly error: string | null;
    readonly grounding_score: number | null;
  };
  /** Null where the run delivered nothing. */
  readonly product: Judgement | null;
}

type Figure = readonly [name: string, (judged: Judged) => number | null | undefined];

const FIGURES: readonly Figure[] = [
  ["pearson", ({ product }) => product?.pearson],
  ["mean of others", ({ references }) => references.mean_of_others?.pearson],
  ["best single", ({ references }) => references.best_single],
  ["noise-free", ({ references }) => references.r_noise_free],
  ["mse", ({ product }) => product?.mse],
  ["mse of others", ({ references }) => references.mean_of_others?.mse],
  ["AUROC", ({ product }) => product?.by_rank.auroc],
  ["AUROC ceiling", ({ references }) => references.ceiling.auroc],
  ["first 50", ({ product }) => product?.by_rank.precision_at_50],
  ["by delta", ({ product }) => product?.by_delta.precision_at_50],
  ["50 ceiling", ({ references }) => references.ceiling.precision_at_50],
  ["called", ({ product }) => product?.genes_called],
  ["changed", ({ product }) => product?.genes_changed],
  ["genes/cell", ({ product }) => product?.genes_per_cell],
  ["real", ({ product }) => product?.genes_per_real_cell],
];

/** Over the targets that were answered; a figure that some lack is the mean of the others. */
export function meansOf(judged: readonly Judged[]): Record<string, number | null> {
  const answered = judged.filter(({ product }) => product !== null);
  return {
    targets: judged.length,
    answered: answered.length,
    ...Object.fromEntries(
      FIGURES.map(([name, figure]) => {
        const values = answered
          .map(figure)
          .filter((value): value is number => typeof value === "number" && !Number.isNaN(value));
        return [
          name,
          values.length === 0 ? null : values.reduce((sum, one) => sum + one, 0) / values.length,
        ];
      }),
    ),
  };
}

const shown = (value: number | null | undefined): string => {
  if (value === null || value === undefined || Number.isNaN(value)) return "-";
  return Math.abs(value) < 10 ? value.toFixed(3) : value.toFixed(0);
};

export function tableOf(name: string, judged: readonly Judged[]): string {
  const means = meansOf(judged);
  const row = ({ target, run, product, ...rest }: Judged): string[] => [
    [target.cell_type, target.perturbation, target.donor, target.amount]
      .filter((part) => part !== null)
      .join(" / "),
    ...FIGURES.map(([, figure]) => shown(figure({ target, run, product, ...rest }))),
    product === null ? (run.error ?? run.status) : "",
  ];
  const rows = [
    [name, ...FIGURES.map(([figure]) => figure), ""],
    ...judged.map(row),
    ["mean", ...FIGURES.map(([figure]) => shown(means[figure])), ""],
  ];
  const widths = rows[0]!.map((_, column) =>
    Math.max(...rows.map((cells) => (column === FIGURES.length + 1 ? 0 : cells[column]!.length))),
  );
  return `${rows
    .map((cells) =>
      cells
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")}\n`;
}
