import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import type { RunConfig } from "../../services/runs/document.ts";
import type { SplitFile } from "../tasks/outlook.ts";
import { openAtlases, type StepPorts } from "../ports.ts";

/**
 * The halves of the control cells of measured responses to the asked perturbation. Made once for an
 * atlas and kept beside its index, under the digest of all that they rest on.
 */
export async function splitControls(
  { atlases, compute, objects }: Pick<StepPorts, "atlases" | "compute" | "objects">,
  { config, query }: { readonly config: RunConfig; readonly query: StructuredQuery },
  signal: AbortSignal,
): Promise<SplitFile[]> {
  const { opened, places } = await openAtlases(atlases, config, signal);
  const found = await compute.run("findControlsToSplit", { places, query }, signal);
  const files: SplitFile[] = [];
  for (const controls of found) {
    const { dataset, digest, groups } = controls;
    const path = `atlases/${dataset}/halves/${digest}.f32`;
    if ((await objects.stat(path)) === undefined) {
      await atlases.fetchGroups(groups, opened, signal);
      const folder = await objects.scratch();
      try {
        const output = join(folder, "halves.f32");
        await compute.run("splitControls", { places, query, dataset, output }, signal);
        await objects.put(path, output, signal);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
    files.push({ ...controls, path: await objects.fetch({ path }, signal) });
  }
  return files;
}
