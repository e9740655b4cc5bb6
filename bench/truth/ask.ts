import { join } from "node:path";
import { newRunId } from "../../actors/new-run.ts";
import { resultObjects } from "../../actors/run-objects.ts";
import type { Daemon } from "../../daemon.ts";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { newRun, runConfigSchema, type RunDocument } from "../../services/runs/document.ts";
import type { Target, TruthSet } from "./sets.ts";

/** Asks the product, as a user would: imports the file, runs the question, reads what is delivered. */
export async function ask(
  daemon: Daemon,
  set: TruthSet,
  target: Target,
  {
    atlas,
    folder,
    dataset,
    seed,
  }: {
    readonly atlas: AnnData;
    readonly folder: string;
    readonly dataset: string;
    readonly seed: number;
  },
): Promise<{ readonly run: RunDocument; readonly delivered: AnnData | null }> {
  const source = join(folder, `${dataset}.h5ad`);
  await writeH5ad(source, atlas);
  await daemon.atlases.import({
    source,
    dataset,
    columns: {
      ...set.columns,
      control_labels: [set.control],
      ...("symbol" in atlas.var.columns ? { gene_symbols: "symbol" } : {}),
    },
  });
  const run = newRun({
    run_id: newRunId(),
    query: set.question(target),
    user_email: null,
    config: runConfigSchema.parse({ datasets: [dataset] }),
    random_seed: seed,
    now: Date.now(),
  });
  const settled = daemon.supervisor.settled(run.run_id);
  await daemon.supervisor.submit(run);
  const document = await settled;
  return {
    run: document,
    delivered:
      document.status === "completed"
        ? await readH5ad(
            await daemon.objects.fetch({ path: resultObjects(document.run_id).anndata }),
          )
        : null,
  };
}
