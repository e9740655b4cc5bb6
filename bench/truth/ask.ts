import { join } from "node:path";
import { newRunId } from "../../actors/new-run.ts";
import { resultObjects } from "../../actors/run-objects.ts";
import type { Daemon } from "../../daemon.ts";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { newRun, type RunConfig, type RunDocument } from "../../services/runs/document.ts";
import type { TruthSet } from "./sets.ts";

/** Imports the file as a user would. */
export async function importSet(
  daemon: Daemon,
  set: TruthSet,
  {
    atlas,
    folder,
    dataset,
  }: { readonly atlas: AnnData; readonly folder: string; readonly dataset: string },
): Promise<void> {
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
}

/** Asks the product, as a user would: runs the question on the data set, reads what is delivered. */
export async function ask(
  daemon: Daemon,
  query: string,
  { seed, config }: { readonly seed: number; readonly config: Partial<RunConfig> },
): Promise<{ readonly run: RunDocument; readonly delivered: AnnData | null }> {
  const run = newRun({
    run_id: newRunId(),
    query,
    user_email: null,
    config,
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
