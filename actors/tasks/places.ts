import type { OpenAtlas } from "../../science/atlas/atlas-index.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import type { Withhold } from "../../science/atlas/withhold.ts";

export interface AtlasPlace {
  readonly dir: string;
  readonly withhold: Withhold | null;
}

export const openAll = (places: readonly AtlasPlace[]): Promise<OpenAtlas[]> =>
  Promise.all(
    places.map(({ dir, withhold }) => openAtlas(dir, withhold === null ? {} : { withhold })),
  );

/** Folder of what was imported beside the curated knowledge. */
export interface WithKnowledge {
  readonly knowledge: string;
}
