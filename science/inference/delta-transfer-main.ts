import { rename, rm, writeFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { HaystackError, toHaystackError } from "../../errors.ts";
import { readH5ad } from "../anndata/read.ts";
import { writeH5ad } from "../anndata/write.ts";
import { DELTA_TRANSFER, deltaTransfer } from "./delta-transfer.ts";
import { validatePrediction } from "./validate-prediction.ts";

const USAGE =
  "Usage: node delta-transfer-main.ts --prompt PROMPT.h5ad --query QUERY.h5ad --output OUTPUT.h5ad";

interface Paths {
  readonly prompt: string;
  readonly query: string;
  readonly output: string;
}

function parse(args: readonly string[]): Paths {
  const options = {
    prompt: { type: "string" },
    query: { type: "string" },
    output: { type: "string" },
  } as const;
  let values: Partial<Paths>;
  try {
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    throw new HaystackError("USAGE", `An option is not known or has no value. ${USAGE}`, {
      cause: error,
    });
  }
  const { prompt, query, output } = values;
  if (prompt === undefined || query === undefined || output === undefined)
    throw new HaystackError("USAGE", `An option is missing. ${USAGE}`);
  return { prompt, query, output: resolve(output) };
}

/** Both files appear whole or not at all; the metrics first, so that an output always has them. */
async function predict({ prompt, query, output }: Paths): Promise<void> {
  const started = performance.now();
  const queryCells = await readH5ad(query);
  const prediction = deltaTransfer(await readH5ad(prompt), queryCells);
  validatePrediction(prediction, queryCells);

  const partial = `${output}.${process.pid}.partial`;
  const metricsPartial = `${output}.metrics.json.${process.pid}.partial`;
  try {
    await writeH5ad(partial, prediction);
    const metrics = {
      model: DELTA_TRANSFER,
      cells: prediction.X.nRows,
      genes: prediction.X.nCols,
      seconds: (performance.now() - started) / 1000,
      peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    };
    await writeFile(metricsPartial, `${JSON.stringify(metrics)}\n`);
    await rename(metricsPartial, `${output}.metrics.json`);
    await rename(partial, output);
  } finally {
    await rm(partial, { force: true });
    await rm(metricsPartial, { force: true });
  }
}

try {
  await predict(parse(process.argv.slice(2)));
} catch (error) {
  const failure = toHaystackError(error);
  process.stderr.write(`${failure.code}: ${failure.message.replaceAll(/\s+/g, " ")}\n`);
  process.exitCode = failure.exitCode;
}
