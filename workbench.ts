import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";
import { atlasCatalogue, type AtlasCatalogue } from "./actors/atlas-catalogue.ts";
import type { StepPorts } from "./actors/ports.ts";
import type { Tasks } from "./actors/tasks.ts";
import type { Config } from "./config.ts";
import type { HaystackError } from "./errors.ts";
import { ownProgram } from "./own-files.ts";
import { fullDisk } from "./services/compute/free-disk.ts";
import type { Compute } from "./services/compute/index.ts";
import { processCompute, type TaskLimits } from "./services/compute/processes.ts";
import { keepPrivate } from "./adapters/data-folder.ts";
import { knowledgeFolder } from "./adapters/knowledge.ts";
import { openObjects } from "./adapters/objects.ts";

/** Computation and atlases, for commands that host no runs. */
export interface Workbench {
  readonly compute: Compute<Tasks>;
  readonly atlases: AtlasCatalogue;
  readonly objects: StepPorts["objects"];
  readonly knowledge: StepPorts["knowledge"];
  close(): Promise<void>;
}

export async function openWorkbench(
  config: Config,
  onTrouble?: (trouble: HaystackError) => void,
): Promise<Workbench> {
  keepPrivate(config);
  const objects = await openObjects(config);
  const knowledge = knowledgeFolder(config);
  const importLimits = { gigabytes: { value: config.IMPORT_GB, variable: "IMPORT_GB" } };
  const compute = processCompute<Tasks>({
    filename: pathToFileURL(ownProgram("actors/tasks.ts")),
    processes: config.COMPUTE_PROCESSES,
    limitMinutes: config.COMPUTE_MINUTES,
    cause: () => fullDisk([config.dataDir, tmpdir()]),
    limits: {
      inspectFile: {
        minutes: { value: config.INSPECT_MINUTES, variable: "INSPECT_MINUTES" },
        gigabytes: { value: config.INSPECT_GB, variable: "INSPECT_GB" },
      },
      importAtlasFile: importLimits,
      importAtlasPart: importLimits,
      describeAtlasImport: importLimits,
    } satisfies Partial<Record<keyof Tasks, TaskLimits>>,
  });
  return {
    objects,
    compute,
    knowledge,
    atlases: atlasCatalogue(objects, compute, knowledge, onTrouble),
    async close() {
      await compute.close();
      await objects.close();
    },
  };
}
