import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readH5ad } from "../science/anndata/read.ts";
import { writeH5ad } from "../science/anndata/write.ts";
import { takeRows } from "../science/prompting/csr-rows.ts";
import { writeSimulatedAtlas } from "../science/simulate/simulate-atlas.ts";
import { compareExpression } from "../science/statistics/differential-expression.ts";

/**
 * Differential expression of 4,000 cells x 18,000 genes, half against half, each program in a
 * process of its own with start-up and reading: ours, and Arc's pdex where PDEX_PYTHON names a
 * Python that has it.
 */

const CELLS = 4_000;
const GENES = 18_000;
const PDEX = String.raw`
import sys, time
import anndata as ad
from pdex import pdex
a = ad.read_h5ad(sys.argv[1])
for _ in range(2 if sys.argv[2] == "warm" else 1):
    begun = time.perf_counter()
    pdex(a, groupby="side", reference="control", is_log1p=False)
print(time.perf_counter() - begun)
`;

const timed = (command: string, args: readonly string[]) => {
  const begun = performance.now();
  const printed = execFileSync(command, args, { encoding: "utf8" });
  return {
    seconds: (performance.now() - begun) / 1_000,
    computing_seconds: Number(printed.trim().split("\n").at(-1)),
  };
};

async function ours(file: string): Promise<void> {
  const adata = await readH5ad(file);
  const side = adata.obs.columns["side"] as readonly string[];
  const begun = performance.now();
  const half = (name: string) => {
    const rows = Int32Array.from(side.keys()).filter((row) => side[row] === name);
    return { ...adata, X: takeRows(adata.X, rows) };
  };
  compareExpression(half("treated"), half("control"));
  console.log((performance.now() - begun) / 1_000);
}

const [, , file] = process.argv;
if (file !== undefined && file.endsWith(".h5ad")) await ours(file);
else {
  const folder = mkdtempSync(join(tmpdir(), "haystack-bench-"));
  try {
    const path = join(folder, "cells.h5ad");
    await writeSimulatedAtlas(path, { seed: 1, nGenes: GENES, nCells: CELLS });
    const made = await readH5ad(path);
    await writeH5ad(path, {
      X: made.X,
      obs: {
        index: made.obs.index,
        columns: { side: made.obs.index.map((_, i) => (i % 2 === 0 ? "treated" : "control")) },
      },
      var: made.var,
      uns: {},
    });
    const python = process.env["PDEX_PYTHON"];
    const pdex = (call: "first" | "warm") =>
      python === undefined ? null : timed(python, ["-c", PDEX, path, call]).computing_seconds;
    const results = Array.from({ length: 2 }, () => ({
      haystack: timed(process.execPath, [import.meta.filename, path]),
      pdex: python === undefined ? null : timed(python, ["-c", PDEX, path, "first"]),
      // pdex compiles at the first call of a process.
      pdex_second_call_seconds: pdex("warm"),
    }));
    console.log(
      JSON.stringify(
        {
          benchmark: "differential-expression",
          cells: made.X.nRows,
          genes: made.X.nCols,
          values: made.X.data.length,
          results,
        },
        null,
        1,
      ),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
