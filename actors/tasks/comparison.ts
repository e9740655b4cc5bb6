import { readFile } from "node:fs/promises";
import {
  anndataDifferences,
  differencesOf,
  type Difference,
} from "../../science/anndata/compare.ts";
import { openH5ad } from "../../science/anndata/open.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import type { RunLog } from "../../science/report/run-log.ts";

/** The task that compares two answers to one question. */

export interface DeliveredFiles {
  readonly anndata: string;
  readonly log: string;
}

/** What a run delivers, value by value; when it was and what it took is not compared. */
export async function compareDelivered(input: {
  readonly before: DeliveredFiles;
  readonly now: DeliveredFiles;
}): Promise<Difference[]> {
  const { before, now } = input;
  const [logBefore, logNow] = [await logOf(before), await logOf(now)];
  const [cellsBefore, cellsNow] = [await cellsOf(before), await cellsOf(now)];
  return [
    ...differencesOf(logBefore, logNow, "log"),
    ...anndataDifferences(cellsBefore, cellsNow).map((each) => ({
      ...each,
      where: `predictions.${each.where}`,
    })),
  ];
}

async function cellsOf({ anndata }: DeliveredFiles) {
  const file = await openH5ad(anndata);
  const layers = file.slots
    .map(({ name }) => name)
    .filter((name) => name.startsWith("layers/"))
    .map((name) => name.slice("layers/".length));
  file.close();
  return readH5ad(anndata, layers);
}

async function logOf({ log }: DeliveredFiles): Promise<object> {
  const {
    timestamps: _when,
    history: _how,
    usage,
    iterations,
    ...rest
  } = JSON.parse(await readFile(log, "utf8")) as RunLog;
  const { llm_tokens, llm_cost_usd } = usage;
  return {
    ...rest,
    usage: { llm_tokens, llm_cost_usd },
    iterations: iterations.map(({ jobs: _jobs, ...iteration }) => iteration),
  };
}
