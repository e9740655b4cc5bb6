import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { placeOf } from "../tests/support/describe-with.ts";
import { PYTHON } from "../tests/support/real-parts.ts";
import { isStage, placesIn, runStage, type StageName } from "./atlas/stages.ts";
import { GENES } from "./atlas/source.ts";

/**
 * Import of a simulated atlas of 18,000 genes at several sizes, and a question on it; beside it
 * Python's anndata, which splits the same file into the same groups with their mean profiles. Each
 * stage runs in a process of its own.
 */

const USUAL_SIZES = "2000,20000";
const SPLIT = String.raw`
import json, os, resource, sys, time
import anndata as ad, numpy as np
source, folder = sys.argv[1:]
begun = time.perf_counter()
a = ad.read_h5ad(source)
rows = a.obs.groupby(["cell_type", "perturbation", "donor_id"], observed=True).indices
os.mkdir(folder)
means = []
for number, (labels, places) in enumerate(rows.items()):
    part = a[places].copy()
    X = part.X.copy()
    X.data = np.log1p(X.data * np.repeat(1e4 / np.asarray(X.sum(1)).ravel(), np.diff(X.indptr)))
    means.append(np.asarray(X.mean(0)).ravel().astype("float32"))
    ad.AnnData(part.X, part.obs, part.var).write_h5ad(f"{folder}/{number}.h5ad")
np.stack(means).tofile(f"{folder}/profiles.f32")
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"seconds": time.perf_counter() - begun, "groups": len(rows),
                  "cpu_seconds": used.ru_utime + used.ru_stime,
                  "peak_memory_mb": used.ru_maxrss / 1024}))
`;

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean" },
    sizes: { type: "string", default: USUAL_SIZES },
    /** Larger files are not split by Python: it holds them whole. */
    "python-up-to": { type: "string", default: "20000" },
    folder: { type: "string", default: tmpdir() },
  },
  allowPositionals: true,
});

interface Printed {
  readonly seconds: number;
  readonly [name: string]: number;
}

const run = (program: string, args: readonly string[]): Printed =>
  JSON.parse(execFileSync(program, args, { encoding: "utf8" })) as Printed;

function diskOf(path: string): number {
  const found = statSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((total, name) => total + diskOf(join(path, name)), 0);
}

function measure(cells: number): Record<string, unknown> {
  const folder = mkdtempSync(join(options.folder, "haystack-bench-"));
  const ours = (stage: StageName) =>
    run(process.execPath, [import.meta.filename, stage, folder, String(cells)]);
  const { source, atlas } = placesIn(folder);
  const split = join(folder, "split");
  try {
    const { values = 0, ...simulation } = ours("source");
    const imported = ours("import");
    const result = {
      cells,
      genes: GENES,
      values,
      source_bytes: diskOf(source),
      simulation,
      import: {
        ...imported,
        values_a_second: values / imported.seconds,
        disk_bytes: diskOf(atlas),
      },
      question: ours("question"),
      fetched: ours("fetched"),
    };
    if (cells > Number(options["python-up-to"])) return { ...result, anndata: null };
    const python = run(placeOf(PYTHON), ["-c", SPLIT, source, split]);
    return { ...result, anndata: { ...python, disk_bytes: diskOf(split) } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [, , stage, folder = "", cells] = process.argv;
if (isStage(stage)) await runStage(stage, folder, Number(cells));
else {
  const results = options.sizes.split(",").map((size) => measure(Number(size)));
  console.log(JSON.stringify({ benchmark: "atlas", node: process.version, results }, null, 1));
}
