import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import {
  describeImport,
  importAtlas,
  type ImportOptions,
  importPart,
  type PartOptions,
} from "../../science/atlas/import.ts";
import { inspectH5ad } from "../../science/atlas/inspect.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import {
  writeSimulatedAtlas,
  type SimulationOptions,
} from "../../science/simulate/simulate-atlas.ts";
import type { WithKnowledge } from "./places.ts";

/** The tasks that bring atlases in. */

export const importAtlasFile = ({
  knowledge,
  ...options
}: ImportOptions & WithKnowledge): Promise<AtlasIndex> =>
  importAtlas(options, labelResolver(loadKnowledge(knowledge)));
export const importAtlasPart = ({ knowledge, ...options }: PartOptions & WithKnowledge) =>
  importPart(options, labelResolver(loadKnowledge(knowledge)));
export const describeAtlasImport = ({
  knowledge,
  ...options
}: Omit<ImportOptions, "outDir"> & WithKnowledge) =>
  describeImport(options, labelResolver(loadKnowledge(knowledge)));
export const inspectFile = ({
  file,
  modality,
  knowledge,
}: { readonly file: string; readonly modality?: string } & Partial<WithKnowledge>) =>
  inspectH5ad(file, labelResolver(loadKnowledge(knowledge)), modality);
export async function simulate({
  file,
  options,
}: {
  readonly file: string;
  readonly options: SimulationOptions;
}): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeSimulatedAtlas(file, options);
}
