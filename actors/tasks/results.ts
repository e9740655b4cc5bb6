import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeH5ad } from "../../science/anndata/write.ts";
import { assemblePredictions } from "../../science/report/predictions.ts";
import { renderReport } from "../../science/report/report.ts";
import { renderRunLog, type RunLog } from "../../science/report/run-log.ts";
import { cellMap } from "../../science/response/cell-map.ts";
import { readResponse } from "../../science/response/response-file.ts";

/** The task that writes what a run delivers. */

const GZIP = 4;

/** Writes the result files into `folder`. */
export async function writeResults(input: {
  readonly log: RunLog;
  /** What predictResponse wrote. */
  readonly response: string;
  readonly folder: string;
}): Promise<{ anndata: string; report: string; findings: string; log: string }> {
  const { cells, response } = await readResponse(input.response);
  const files = {
    anndata: join(input.folder, "predictions.h5ad"),
    report: join(input.folder, "report.html"),
    findings: join(input.folder, "report.json"),
    log: join(input.folder, "log.json"),
  };
  await writeH5ad(files.anndata, assemblePredictions(input.log, cells, response), { gzip: GZIP });
  const { html, json } = await renderReport(input.log, response, cellMap(cells));
  await writeFile(files.report, html);
  await writeFile(files.findings, json);
  await writeFile(files.log, renderRunLog(input.log));
  return files;
}
