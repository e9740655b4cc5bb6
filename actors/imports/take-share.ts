import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { type AtlasPart, PROFILES } from "../../science/atlas/parts.ts";
import type { Compute } from "../../services/compute/index.ts";
import type { ObjectStore } from "../../services/objects/index.ts";
import type { Tasks } from "../tasks.ts";
import { joinWhenComplete } from "./join.ts";
import { datasetOfOrder, type ImportOrder, importId, partPath, partProfilesPath } from "./order.ts";
import { shardsFor } from "./shard-size.ts";
import { withSource } from "./source.ts";
import { checkSame, standingAtlas } from "./standing.ts";

/**
 * One task of an import that several share.
 *
 * 1. A share is done when its part stands, which is stored after its shards and profiles; a task
 *    that is repeated does nothing again.
 * 2. Shards have the import's own names, so two imports of one name never mix.
 * 3. Whoever finds all parts there joins them; the index, written last, is the same whoever writes
 *    it.
 */
export interface SharePorts {
  readonly objects: ObjectStore;
  /** Of the bucket of the source. */
  readonly sources: ObjectStore;
  readonly compute: Compute<Tasks>;
  readonly knowledge: string;
}

const PARALLEL = 8;

/**
 * Does the share unless it is done, and joins the parts if it was the last.
 * @throws what importAtlas throws, ATLAS_EXISTS, OBJECT_DAMAGED, and errors of the stores
 */
export async function takeShare(
  ports: SharePorts,
  order: ImportOrder,
  share: number,
  signal?: AbortSignal,
): Promise<void> {
  const id = importId(order);
  const stands = (await standingAtlas(ports.objects, datasetOfOrder(order), signal))?.index;
  if (stands?.import_id === id) return;
  if (!(await isDone(ports.objects, id, share, signal)))
    await withSource(
      ports.sources,
      order.source.path,
      async (source) => {
        const { knowledge } = ports;
        const options = { ...order.options, ...shardsFor(ports.objects), source, knowledge };
        if (stands === undefined) return doShare(ports, order, share, options, signal);
        checkSame(stands, await ports.compute.run("describeAtlasImport", options, signal));
      },
      signal,
    );
  if (stands === undefined) await joinWhenComplete(ports.objects, order, signal);
}

async function isDone(
  objects: ObjectStore,
  id: string,
  share: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const path = partPath(id, share);
  if ((await objects.stat(path)) === undefined) return false;
  const part = JSON.parse(
    await readFile(await objects.fetch({ path }, signal), "utf8"),
  ) as AtlasPart;
  const needed = [
    ...shardsOf(part).map((shard) => `atlases/${part.atlas.dataset}/${shard}`),
    partProfilesPath(id, share),
  ];
  const found = await pLimit(PARALLEL).map(needed, (name) => objects.stat(name));
  return !found.includes(undefined);
}

const shardsOf = ({ groups }: AtlasPart): string[] => [
  ...new Set(groups.map(({ shard }) => shard)),
];

async function doShare(
  { objects, compute }: SharePorts,
  order: ImportOrder,
  share: number,
  options: Omit<Parameters<Tasks["importAtlasPart"]>[0], "outDir" | "share" | "shardPrefix">,
  signal: AbortSignal | undefined,
): Promise<void> {
  const id = importId(order);
  const scratch = await objects.scratch();
  try {
    const outDir = join(scratch, "part");
    const shardPrefix = `${id}-${share}-`;
    const part = await compute.run(
      "importAtlasPart",
      { ...options, outDir, share: { index: share, count: order.tasks }, shardPrefix },
      signal,
    );
    await pLimit(PARALLEL).map(shardsOf(part), (shard) =>
      objects.put(`atlases/${part.atlas.dataset}/${shard}`, join(outDir, shard), signal),
    );
    await objects.put(partProfilesPath(id, share), join(outDir, PROFILES), signal);
    await objects.putText(partPath(id, share), `${JSON.stringify(part)}\n`, signal);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
