import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readH5ad } from "../science/anndata/read.ts";
import { writeH5ad } from "../science/anndata/write.ts";
import { importAtlas } from "../science/atlas/import.ts";
import { openAtlas } from "../science/atlas/open.ts";
import { deltaTransfer } from "../science/inference/delta-transfer.ts";
import { loadKnowledge } from "../science/knowledge/load.ts";
import { labelResolver } from "../science/knowledge/resolve.ts";
import { choosePrompt } from "../science/prompting/choose-prompt.ts";
import { drawCells, SPLIT_COLUMN } from "../science/prompting/draw-cells.ts";
import { understandQuestion } from "../science/query/understand.ts";
import { writeSimulatedAtlas } from "../science/simulate/simulate-atlas.ts";
import { compareExpression } from "../science/statistics/differential-expression.ts";

/**
 * Times and peak memory of the science at two atlas sizes by 18,000 genes. Each stage runs in a
 * process of its own.
 */

const GENES = 18_000;
const SIZES = [2_000, 20_000] as const;
const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";

const files = (folder: string) => ({
  source: join(folder, "atlas.h5ad"),
  atlas: join(folder, "atlas"),
  prompt: join(folder, "prompt.h5ad"),
  query: join(folder, "query.h5ad"),
  prediction: join(folder, "prediction.h5ad"),
});

const STAGES: Readonly<Record<string, (folder: string, cells: number) => Promise<void>>> = {
  simulate: (folder, nCells) =>
    writeSimulatedAtlas(files(folder).source, { seed: 1, nGenes: GENES, nCells }),
  async import(folder) {
    await importAtlas(
      { source: files(folder).source, outDir: files(folder).atlas },
      labelResolver(loadKnowledge()),
    );
  },
  async retrieval(folder) {
    const atlas = await openAtlas(files(folder).atlas);
    const query = understandQuestion(QUESTION, [atlas.index]);
    const plan = choosePrompt({
      query,
      atlases: [atlas],
      knowledge: loadKnowledge(),
      history: [],
      controlStrategy: "synthetic_control",
      promptCells: 512,
      queryCells: 1_000,
      seed: 1,
    });
    await writeH5ad(
      files(folder).prompt,
      await drawCells({
        parts: plan.chosen.parts,
        atlases: [atlas],
        seed: 1,
        splitColumn: SPLIT_COLUMN,
      }),
    );
    await writeH5ad(
      files(folder).query,
      await drawCells({
        parts: plan.query_parts,
        atlases: [atlas],
        seed: 1,
        splitColumn: SPLIT_COLUMN,
      }),
    );
  },
  async inference(folder) {
    await writeH5ad(
      files(folder).prediction,
      deltaTransfer(await readH5ad(files(folder).prompt), await readH5ad(files(folder).query)),
    );
  },
  async differential_expression(folder) {
    compareExpression(
      await readH5ad(files(folder).prediction),
      await readH5ad(files(folder).query),
    );
  },
};

const [, , stage, folder, cells] = process.argv;
if (stage !== undefined && folder !== undefined) {
  const started = performance.now();
  await STAGES[stage]?.(folder, Number(cells));
  console.log(
    JSON.stringify({
      seconds: (performance.now() - started) / 1_000,
      peak_memory_mb: process.resourceUsage().maxRSS / 1_024,
    }),
  );
} else {
  const results: Record<string, unknown>[] = [];
  for (const size of SIZES) {
    const place = mkdtempSync(join(tmpdir(), "haystack-bench-"));
    try {
      for (const name of Object.keys(STAGES)) {
        const printed = execFileSync(
          process.execPath,
          [import.meta.filename, name, place, String(size)],
          { encoding: "utf8" },
        );
        results.push({
          stage: name,
          cells: size,
          genes: GENES,
          ...(JSON.parse(printed) as object),
        });
      }
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  }
  console.log(JSON.stringify({ benchmark: "science", node: process.version, results }, null, 1));
}
