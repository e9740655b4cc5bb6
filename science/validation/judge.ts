import type { CellGroup } from "../atlas/atlas-index.ts";
import { openAtlas } from "../atlas/open.ts";
import type { Cells } from "../atlas/read-group.ts";
import { halvesOf, isAnswer, isAskedControl, type Withholdable } from "../atlas/withhold.ts";
import type { CsrMatrix } from "../anndata/anndata.ts";
import { stackRows, takeRows } from "../prompting/csr-rows.ts";
import type { CellOrigin } from "../response/predicted-response.ts";
import type { StoredResponse } from "../response/response-file.ts";
import {
  agreement,
  ceiling,
  directionAccuracy,
  meanOf,
  meanSquare,
  minus,
  rankingFigures,
  trulyChanged,
  type Agreement,
  type Ceiling,
  type RankingFigures,
} from "./agreement.ts";
import { cellEval, type CellEval } from "./cell-eval.ts";
import { logCells, meansOf, readCells } from "./log-cells.ts";
import { otherResponses, type Target, type Unit } from "./targets.ts";

/** The measured cells of a target. The query and the truth share none of them. */
export interface TruthCells {
  readonly genes: readonly string[];
  readonly treated: Cells;
  /** Control cells that the prediction may know. */
  readonly query: Cells;
  /** Control cells that the truth is measured from. */
  readonly control: Cells;
  /** Rows of `treated` in two halves. */
  readonly treatedHalves: readonly [Int32Array, Int32Array];
}

export interface TargetQuestion {
  /** Folder of the imported atlas. */
  readonly dir: string;
  readonly target: Target;
  readonly what: readonly Withholdable[];
  readonly seed: number;
}

/** Reads the cells of a target, halved under the seed group by group. */
export async function readTruth({ dir, target, seed }: TargetQuestion): Promise<TruthCells> {
  const { index } = await openAtlas(dir);
  const asked = { ...target, donor: target.donor ?? undefined };
  const answers = index.groups.filter((group) => isAnswer(group, asked));
  const controls = index.groups.filter((group) => isAskedControl(group, asked));
  const half = (which: 0 | 1) => (group: CellGroup) => halvesOf(group, seed)[which];
  let first = 0;
  const halves: [number[], number[]] = [[], []];
  for (const group of answers) {
    halvesOf(group, seed).forEach((rows, which) =>
      rows.forEach((row) => halves[which as 0 | 1].push(first + row)),
    );
    first += group.n_cells;
  }
  return {
    genes: index.genes,
    treated: await readCells(dir, answers),
    query: await readCells(dir, controls, half(0)),
    control: await readCells(dir, controls, half(1)),
    treatedHalves: [Int32Array.from(halves[0]), Int32Array.from(halves[1])],
  };
}

/** What a target can be held against without any prediction of ours. */
export interface References {
  readonly no_effect: { readonly mse: number };
  /** Null where no other response was measured. */
  readonly mean_of_others: Agreement | null;
  /** The other response that agrees best: an oracle, as it is chosen by the truth. */
  readonly best_single: { readonly name: string; readonly pearson: number } | null;
  readonly others: number;
  readonly ceiling: Ceiling;
}

/** The difference of means of a measured response; asked controls count by their query half. */
async function deltaOf(
  { dir, target, seed }: TargetQuestion,
  { treated, control }: Unit,
): Promise<Float64Array> {
  const asked = { ...target, donor: target.donor ?? undefined };
  const controls = await readCells(dir, control, (group) =>
    isAskedControl(group, asked) ? halvesOf(group, seed)[0] : undefined,
  );
  return minus(
    meansOf(logCells((await readCells(dir, treated)).counts)),
    meansOf(logCells(controls.counts)),
  );
}

export async function references(
  question: TargetQuestion,
  truth: TruthCells,
): Promise<{
  readonly measured: Float64Array;
  /** The mean of the others' differences; null without any. */
  readonly meanResponse: Float64Array | null;
  readonly references: References;
}> {
  const { index } = await openAtlas(question.dir);
  const [treated, query, control] = [truth.treated, truth.query, truth.control].map(({ counts }) =>
    logCells(counts),
  );
  const measured = minus(meansOf(treated!), meansOf(control!));
  const units = otherResponses(index, question.target, question.what);
  const others: Float64Array[] = [];
  for (const unit of units) others.push(await deltaOf(question, unit));
  const meanResponse = others.length === 0 ? null : meanOf(others);
  const singles = units.map(({ name }, at) => ({
    name,
    pearson: agreement(others[at]!, measured).pearson,
  }));
  const [one, other] = truth.treatedHalves;
  return {
    measured,
    meanResponse,
    references: {
      no_effect: { mse: meanSquare(measured) },
      mean_of_others: meanResponse === null ? null : agreement(meanResponse, measured),
      best_single: singles.toSorted((a, b) => b.pearson - a.pearson)[0] ?? null,
      others: others.length,
      ceiling: ceiling(
        minus(meansOf(treated!, one), meansOf(query!)),
        minus(meansOf(treated!, other), meansOf(control!)),
      ),
    },
  };
}

/** Counts of the delivered cells of one origin. */
export function cellsOf({ obs, X }: StoredResponse["cells"], wanted: CellOrigin): CsrMatrix {
  const origin = obs.columns["origin"] as readonly string[];
  return takeRows(
    X,
    Int32Array.from(origin.keys()).filter((row) => origin[row] === wanted),
  );
}

/** A delivered response against the truth. */
export interface Judgement extends Agreement {
  /** Of the genes that truly changed, the share whose direction is right. */
  readonly direction_accuracy: number;
  readonly truly_changed: number;
  readonly called_changed: number;
  /** Genes by the delivered rank, and by the size of the predicted difference alone. */
  readonly by_rank: RankingFigures;
  readonly by_abs_delta: RankingFigures;
  /** Against the cells that the delivered ones are compared with, and the control cells of the truth. */
  readonly cell_eval: CellEval;
  readonly genes_per_cell: { readonly predicted: number; readonly measured: number };
}

/**
 * Delivered cells against those that the response compares them with (the control cells delivered
 * beside them, or the control prediction of a model that makes cells of its own), held against the
 * measured difference. `changed`: trulyChanged of the target's cells and all its controls.
 */
export function judge(
  { cells, response, reference }: Pick<StoredResponse, "cells" | "response" | "reference">,
  truth: TruthCells,
  measured: Float64Array,
  changed: Uint8Array,
): { readonly judgement: Judgement; readonly predicted: Float64Array } {
  const treated = cellsOf(cells, "prediction");
  const made = { treated: logCells(treated), control: logCells(cellsOf(cells, reference)) };
  const predicted = minus(meansOf(made.treated), meansOf(made.control));
  const count = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0);
  return {
    predicted,
    judgement: {
      ...agreement(predicted, measured),
      direction_accuracy: directionAccuracy(predicted, measured, changed),
      truly_changed: count(changed),
      called_changed: count(response.is_de),
      by_rank: rankingFigures(
        Float64Array.from(response.rank, (place) => -place),
        changed,
      ),
      by_abs_delta: rankingFigures(predicted.map(Math.abs), changed),
      cell_eval: cellEval(
        { treated: logCells(truth.treated.counts), control: logCells(truth.control.counts) },
        made,
      ),
      genes_per_cell: {
        predicted: genesPerCell(treated),
        measured: genesPerCell(truth.treated.counts),
      },
    },
  };
}

/** trulyChanged of a target's perturbed cells and all its controls. */
export const changedGenes = ({ genes, treated, query, control }: TruthCells): Uint8Array =>
  trulyChanged(
    logCells(treated.counts),
    logCells(stackRows([query.counts, control.counts], genes.length)),
  );

/** Mean number of genes with a count. */
function genesPerCell({ data, nRows }: CsrMatrix): number {
  let expressed = 0;
  for (const count of data) if (count > 0) expressed += 1;
  return expressed / nRows;
}
