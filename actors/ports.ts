import type { HaystackError } from "../errors.ts";
import type { AtlasIndex } from "../science/atlas/atlas-index.ts";
import { isAskedControl } from "../science/atlas/withhold.ts";
import type { BatchService } from "../services/batch/index.ts";
import type { Clock } from "../services/clock/index.ts";
import type { Compute } from "../services/compute/index.ts";
import type { GeneLookUps } from "../services/look-ups/index.ts";
import type { LiteratureService } from "../services/literature/index.ts";
import type { ObjectStore } from "../services/objects/index.ts";
import type { RunConfig } from "../services/runs/document.ts";
import type { RunStore } from "../services/runs/index.ts";
import type { AtlasCatalogue } from "./atlas-catalogue.ts";
import type { Ceilings } from "./ceilings.ts";
import type { FoundPredictions } from "./found-predictions.ts";
import type { AgentModel } from "./agents/session.ts";
import type { AtlasPlace } from "./tasks/places.ts";
import type { Tasks } from "./tasks.ts";

/** What the steps of a run work with. */
export interface StepPorts {
  readonly runs: Pick<
    RunStore,
    "get" | "history" | "journalGet" | "journalPut" | "shared" | "usedBy"
  >;
  readonly objects: ObjectStore;
  readonly batch: BatchService;
  readonly compute: Compute<Tasks>;
  /** Without it every prediction is made anew. */
  readonly foundPredictions?: FoundPredictions;
  readonly atlases: AtlasCatalogue;
  /** Folder of the knowledge that was imported beside the curated one; it need not exist. */
  readonly knowledge: string;
  readonly clock: Clock;
  readonly ceilings: Ceilings;
  /** Pause between two looks at a waiting job (D8). */
  readonly reconcileMs: number;
  /** Tried side by side where a run does not say how many; without it one. */
  readonly promptsPerRound?: number;
  /** Without it the rules and the curated knowledge decide alone. */
  readonly model?: AgentModel;
  /** Without it literature support is not measured. */
  readonly literature?: LiteratureService;
  /** Without it the model knows of genes what the knowledge says. */
  readonly lookUps?: GeneLookUps;
  /** Told what costs a cache alone. */
  readonly onCacheTrouble?: (trouble: HaystackError) => void;
  readonly software: { readonly name: string; readonly version: string };
}

export type OpenedAtlas = { readonly index: AtlasIndex; readonly dir: string };

/**
 * The atlases of a run, with what may be seen of them; the control cells that are shown by half are
 * at hand. Error ATLAS_NOT_FOUND.
 */
export async function openAtlases(
  atlases: AtlasCatalogue,
  config: RunConfig,
  signal?: AbortSignal,
): Promise<{ readonly opened: readonly OpenedAtlas[]; readonly places: AtlasPlace[] }> {
  const opened = await atlases.open(config.datasets, signal);
  const { withhold } = config;
  if (withhold?.split_seed !== undefined)
    await atlases.fetchGroups(
      opened.flatMap(({ index }) =>
        index.groups
          .filter((group) => isAskedControl(group, withhold))
          .map(({ group_id }) => group_id),
      ),
      opened,
      signal,
    );
  return { opened, places: placesOf(opened, config) };
}

export const openPlaces = async (...given: Parameters<typeof openAtlases>): Promise<AtlasPlace[]> =>
  (await openAtlases(...given)).places;

const placesOf = (opened: readonly OpenedAtlas[], config: RunConfig): AtlasPlace[] =>
  opened.map(({ dir }) => ({ dir, withhold: config.withhold }));
