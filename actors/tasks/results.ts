import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { compareWithTruth } from "../../science/grounding/compare-with-truth.ts";
import { drawCells, SPLIT_COLUMN } from "../../science/prompting/draw-cells.ts";
import { assemblePredictions } from "../../science/report/predictions.ts";
import { renderReport } from "../../science/report/report.ts";
import { renderRunLog, type RunLog } from "../../science/report/run-log.ts";
import { readResponse } from "../../science/response/response-file.ts";

/** The tasks that write what a run delivers, and hold it against withheld cells. */

const GZIP = 4;

/** Writes the three result files into `folder`. */
export async function writeResults(input: {
  readonly log: RunLog;
  /** What predictResponse wrote. */
  readonly response: string;
  readonly folder: string;
}): Promise<{ anndata: string; report: string; log: string }> {
  const { cells, response } = await readResponse(input.response);
  const files = {
    anndata: join(input.folder, "predictions.h5ad"),
    report: join(input.folder, "report.html"),
    log: join(input.folder, "log.json"),
  };
  await writeH5ad(files.anndata, assemblePredictions(input.log, cells, response), { gzip: GZIP });
  await writeFile(files.report, await renderReport(input.log, response));
  await writeFile(files.log, renderRunLog(input.log));
  return files;
}

export interface TruthInput {
  readonly prediction: string;
  readonly reference: string;
  readonly atlas: string;
  readonly cell_type: string;
  readonly perturbation: string;
}
/** Compares a delivered prediction with the cells that were withheld. */
export async function compare({
  prediction,
  reference,
  atlas,
  cell_type,
  perturbation,
}: TruthInput) {
  const opened = await openAtlas(atlas);
  const cellsOf = (keep: (group: AtlasIndex["groups"][number]) => boolean) =>
    drawCells({
      parts: opened.index.groups
        .filter(keep)
        .map(({ group_id, n_cells }) => ({ group_id, n_cells })),
      atlases: [opened],
      seed: 0,
      splitColumn: SPLIT_COLUMN,
    });
  return compareWithTruth({
    predictedTreated: await readH5ad(prediction),
    predictedReference: await readH5ad(reference),
    truthTreated: await cellsOf(
      (group) => group.cell_type === cell_type && group.perturbation === perturbation,
    ),
    truthControl: await cellsOf((group) => group.cell_type === cell_type && group.is_control),
  });
}
