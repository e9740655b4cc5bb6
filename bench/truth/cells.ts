import type { AnnData, Column, CsrMatrix } from "../../science/anndata/anndata.ts";
import { takeRows } from "../../science/prompting/csr-rows.ts";
import { randomStream, uniform } from "../../science/simulate/seeded-random.ts";
import { benjaminiHochberg } from "../../science/statistics/benjamini-hochberg.ts";
import { rankSumByGene } from "../../science/statistics/rank-sum-by-gene.ts";
import { columnMeans, logNormalise } from "../../science/statistics/normalise.ts";
import type { Target, TruthSet } from "./sets.ts";

/** The cells of a set: which ones a target is about, and what they truly show. */

const LEAST_CELLS = 10;
/** As the yardstick has it: Benjamini-Hochberg p of the rank-sum test without tie correction, |delta|. */
const CHANGED = { maxAdjustedP: 0.05, minChange: 0.1 };

const textOf = (column: Column | undefined, row: number): string => {
  const value = column?.[row];
  return value === null || value === undefined ? "unknown" : String(value);
};

export class SetCells {
  readonly adata: AnnData;
  readonly genes: readonly string[];
  readonly log: CsrMatrix;
  readonly #set: TruthSet;
  readonly #targetOf: readonly Target[];

  constructor(set: TruthSet, adata: AnnData) {
    this.#set = set;
    this.adata = adata;
    const symbols = adata.var.columns["symbol"];
    this.genes = adata.var.index.map((gene, i) =>
      symbols === undefined ? gene : textOf(symbols, i),
    );
    this.log = logNormalise(adata.X);
    const { columns } = adata.obs;
    this.#targetOf = adata.obs.index.map((_, row) => ({
      cell_type: textOf(columns[set.columns.cell_type], row),
      perturbation: textOf(columns[set.columns.perturbation], row),
      donor: set.columns.donor === undefined ? null : textOf(columns[set.columns.donor], row),
      amount: set.amount === undefined ? null : textOf(columns[set.amount], row),
    }));
  }

  /** What can be withheld: targets with ten cells and as many controls of their own. */
  targets(): Target[] {
    const { withhold, control } = this.#set;
    const all = this.#targetOf
      .filter(({ perturbation }) => perturbation !== control)
      .map((cell) => ({
        cell_type: cell.cell_type,
        perturbation: cell.perturbation,
        donor: withhold === "donor" ? cell.donor : null,
        amount: withhold === "amount" ? cell.amount : null,
      }));
    return [...new Map(all.map((target) => [JSON.stringify(target), target])).values()]
      .filter(
        (target) =>
          this.treated(target).length >= LEAST_CELLS && this.controls(target).length >= LEAST_CELLS,
      )
      .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }

  treated(target: Target): Int32Array {
    return this.#rows(target, target.perturbation, target.amount);
  }

  controls(target: Target): Int32Array {
    return this.#rows(target, this.#set.control, null);
  }

  /** Mean log1p(CP10k) of these cells. */
  profile(rows: Int32Array): Float64Array {
    return columnMeans(takeRows(this.log, rows));
  }

  delta(treated: Int32Array, control: Int32Array): Float64Array {
    const before = this.profile(control);
    return this.profile(treated).map((mean, gene) => mean - before[gene]!);
  }

  /** The genes that a target's own cells call changed against all its controls. */
  changed(target: Target): boolean[] {
    const [treated, control] = [this.treated(target), this.controls(target)];
    const p = benjaminiHochberg(
      rankSumByGene(takeRows(this.log, treated), takeRows(this.log, control), "uncorrected"),
    );
    return [...this.delta(treated, control)].map(
      (value, gene) => p[gene]! < CHANGED.maxAdjustedP && Math.abs(value) >= CHANGED.minChange,
    );
  }

  #rows({ cell_type, donor }: Target, perturbation: string, amount: string | null): Int32Array {
    return Int32Array.from(
      this.#targetOf.flatMap((cell, row) =>
        cell.cell_type === cell_type &&
        cell.perturbation === perturbation &&
        (donor === null || cell.donor === donor) &&
        (amount === null || cell.amount === amount)
          ? [row]
          : [],
      ),
    );
  }
}

/** Two random halves, the first the smaller where the number is odd. */
export function halves(rows: Int32Array, seed: number, name: string): [Int32Array, Int32Array] {
  const random = randomStream(seed, name);
  const keys = Float64Array.from(rows, () => uniform(random));
  const order = Int32Array.from(rows.keys()).toSorted((a, b) => keys[a]! - keys[b]!);
  const shuffled = order.map((at) => rows[at]!);
  const half = rows.length >> 1;
  return [shuffled.slice(0, half).toSorted(), shuffled.slice(half).toSorted()];
}
