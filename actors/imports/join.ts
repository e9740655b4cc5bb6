import { appendFile, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { HaystackError } from "../../errors.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import { type AtlasPart, joinParts } from "../../science/atlas/parts.ts";
import type { ObjectStore } from "../../services/objects/index.ts";
import { datasetOfOrder, type ImportOrder, importId, partPath, partProfilesPath } from "./order.ts";
import { checkSame, indexPath, standingAtlas } from "./standing.ts";

const PARALLEL = 8;

/** The shares of an order that are done. */
export async function sharesDone(objects: ObjectStore, order: ImportOrder): Promise<number[]> {
  const id = importId(order);
  const shares = Array.from({ length: order.tasks }, (_, share) => share);
  const found = await pLimit(PARALLEL).map(shares, (share) => objects.stat(partPath(id, share)));
  return shares.filter((share) => found[share] !== undefined);
}

/**
 * Makes the atlas of the parts once all of them stand; nothing where it stands already.
 * @throws ATLAS_EXISTS, OBJECT_DAMAGED, COUNTS_INVALID, and errors of the store
 */
export async function joinWhenComplete(
  objects: ObjectStore,
  order: ImportOrder,
  signal?: AbortSignal,
): Promise<void> {
  if ((await sharesDone(objects, order)).length < order.tasks) return;
  const id = importId(order);
  const parts: AtlasPart[] = [];
  for (let share = 0; share < order.tasks; share += 1) {
    const file = await objects.fetch({ path: partPath(id, share) }, signal);
    parts.push(JSON.parse(await readFile(file, "utf8")) as AtlasPart);
  }
  const index: AtlasIndex = { ...joinParts(parts, `profiles-${id}.f32`), import_id: id };
  const stands = (await standingAtlas(objects, datasetOfOrder(order), signal))?.index;
  if (stands !== undefined) return checkSame(stands, index);
  await putProfiles(objects, index, parts, signal);
  await objects.putText(indexPath(index.dataset), `${JSON.stringify(index)}\n`, signal);
}

async function putProfiles(
  objects: ObjectStore,
  { dataset, profiles, n_genes: nGenes, import_id: id = "" }: AtlasIndex,
  parts: readonly AtlasPart[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const scratch = await objects.scratch();
  try {
    const whole = join(scratch, profiles);
    await writeFile(whole, "");
    for (const [share, { groups }] of parts.entries()) {
      const path = partProfilesPath(id, share);
      const file = await objects.fetch({ path }, signal);
      if ((await stat(file)).size !== groups.length * nGenes * 4)
        throw new HaystackError(
          "OBJECT_DAMAGED",
          `The object ${path} has not the size that its part of the import says; remove the objects imports/${id}/ and import again.`,
        );
      await appendFile(whole, await readFile(file));
    }
    await objects.put(`atlases/${dataset}/${profiles}`, whole, signal);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
