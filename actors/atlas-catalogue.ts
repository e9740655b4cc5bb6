import { rm } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import {
  atlasNotFound,
  type ErrorCode,
  type HaystackError,
  noAtlas,
  toHaystackError,
} from "../errors.ts";
import type { AtlasIndex } from "../science/atlas/atlas-index.ts";
import type { ImportOptions } from "../science/atlas/import.ts";
import type { Compute } from "../services/compute/index.ts";
import type { ObjectStore } from "../services/objects/index.ts";
import { shardsFor } from "./imports/shard-size.ts";
import { checkSame, indexPath, readAtlas, standingAtlas } from "./imports/standing.ts";
import type { Tasks } from "./tasks.ts";

const PARALLEL_FETCHES = 8;

/**
 * The imported atlases, kept as objects: atlases/{dataset}/index.json, profiles.f32 and shards/.
 */
export interface AtlasCatalogue {
  /** Those that can be read. */
  list(): Promise<AtlasIndex[]>;
  /** Errors: ATLAS_NOT_FOUND, FILE_DAMAGED. */
  get(dataset: string): Promise<AtlasIndex>;
  /** That there is such an atlas; nothing of it is read. Error ATLAS_NOT_FOUND. */
  check(dataset: string): Promise<void>;
  /**
   * The same file again is no error: what stands is returned. Error ATLAS_EXISTS when the name
   * belongs to another file.
   */
  import(options: Omit<ImportOptions, "outDir">, signal?: AbortSignal): Promise<AtlasIndex>;
  /**
   * Local folders of the named atlases with index and profiles at hand, each once; all of them when
   * none is named. Errors: ATLAS_NOT_FOUND; FILE_DAMAGED, as an answer from the others would be
   * another one.
   */
  open(
    datasets: readonly string[],
    signal?: AbortSignal,
  ): Promise<{ readonly index: AtlasIndex; readonly dir: string }[]>;
  /** Brings the cells of the groups to their local folders. */
  fetchGroups(
    groupIds: readonly string[],
    atlases: readonly { readonly index: AtlasIndex }[],
    signal?: AbortSignal,
  ): Promise<void>;
}

/** What says that one atlas cannot be read, and nothing of the others. */
const OF_ONE: ReadonlySet<ErrorCode> = new Set([
  "ATLAS_NOT_FOUND",
  "FILE_DAMAGED",
  "OBJECT_DAMAGED",
  "OBJECT_NOT_FOUND",
]);

/**
 * `knowledge`: folder of imported knowledge, by which labels get their ids. `onTrouble` is told of
 * the atlases that a list leaves out.
 */
export function atlasCatalogue(
  objects: ObjectStore,
  compute: Compute<Tasks>,
  knowledge: string,
  onTrouble: (trouble: HaystackError) => void = () => undefined,
): AtlasCatalogue {
  const datasets = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const path of objects.list("atlases/")) {
      const dataset = /^atlases\/([^/]+)\/index\.json$/.exec(path)?.[1];
      if (dataset !== undefined) found.push(dataset);
    }
    return found;
  };
  const read = (dataset: string, signal?: AbortSignal) => readAtlas(objects, dataset, signal);
  const check = async (dataset: string): Promise<void> => {
    if ((await objects.stat(indexPath(dataset))) === undefined) throw atlasNotFound(dataset);
  };

  return {
    async list() {
      const opened = await pLimit(PARALLEL_FETCHES).map(await datasets(), async (dataset) => {
        try {
          return [(await read(dataset)).index];
        } catch (thrown) {
          const error = toHaystackError(thrown);
          if (!OF_ONE.has(error.code)) throw thrown;
          onTrouble(error);
          return [];
        }
      });
      return opened.flat();
    },
    check,
    async get(dataset) {
      return (await read(dataset)).index;
    },
    async import(options, signal) {
      const scratch = await objects.scratch();
      const outDir = join(scratch, "atlas");
      try {
        const index = await compute.run(
          "importAtlasFile",
          { ...options, ...shardsFor(objects), outDir, knowledge },
          signal,
        );
        const { dataset } = index;
        const stands = (await standingAtlas(objects, dataset, signal))?.index;
        if (stands !== undefined) {
          checkSame(stands, index);
          return stands;
        }
        const files = [...new Set(index.groups.map(({ shard }) => shard)), index.profiles];
        for (const file of files)
          await objects.put(`atlases/${dataset}/${file}`, join(outDir, file), signal);
        await objects.put(indexPath(dataset), join(outDir, "index.json"), signal);
        return index;
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
    async open(wanted, signal) {
      const names = wanted.length === 0 ? await datasets() : [...new Set(wanted)];
      if (names.length === 0) {
        throw noAtlas();
      }
      return pLimit(PARALLEL_FETCHES).map(names, async (dataset) => {
        const opened = await read(dataset, signal);
        await objects.fetch({ path: `atlases/${dataset}/${opened.index.profiles}` }, signal);
        return opened;
      });
    },
    async fetchGroups(groupIds, atlases, signal) {
      const wanted = new Set(groupIds);
      const paths = atlases.flatMap(({ index }) =>
        index.groups
          .filter(({ group_id }) => wanted.has(group_id))
          .map(({ shard }) => `atlases/${index.dataset}/${shard}`),
      );
      await pLimit(PARALLEL_FETCHES).map([...new Set(paths)], (path) =>
        objects.fetch({ path }, signal),
      );
    },
  };
}
