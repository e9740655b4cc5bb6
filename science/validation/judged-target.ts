import type { Agreement } from "./agreement.ts";
import type { Judgement, References } from "./judge.ts";
import type { Effects } from "./discrimination.ts";
import type { Candidates } from "./panel-members.ts";

/** Names of cells, as the imported file has them. */
export interface CellSplit {
  readonly treated: readonly string[];
  /** Control cells that the prediction is of, and compared with. */
  readonly query_controls: readonly string[];
  /** Control cells that the truth is measured from. */
  readonly truth_controls: readonly string[];
  readonly treated_halves: readonly [readonly string[], readonly string[]];
}

/** A gene's predicted and measured difference of means. */
export interface GenePoint {
  readonly gene: string;
  readonly predicted: number;
  readonly measured: number;
}

export interface JudgedTarget {
  readonly split: CellSplit;
  readonly references: References;
  /** Of delta transfer from the delivered prompt, whichever transfer was delivered. */
  readonly delta_transfer: Agreement;
  readonly judgement: Judgement;
  readonly candidates: Candidates;
  readonly effects: Effects;
  /** Of the first iteration, whichever was delivered. */
  readonly first_pearson: number;
  /** The genes of the largest differences. */
  readonly points: readonly GenePoint[];
}
