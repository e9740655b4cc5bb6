import { join } from "node:path";
import { controlsToSplit, readHalves, writeHalves } from "../../science/accuracy/control-halves.ts";
import type { OpenAtlas } from "../../science/atlas/atlas-index.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";

/** The halves of the controls that a question needs, by way of a file in the folder, as in a run. */
export async function halvesFor(
  query: StructuredQuery,
  atlas: OpenAtlas,
  folder: string,
): Promise<ReturnType<typeof readHalves>> {
  const controls = controlsToSplit(query, atlas);
  const path = join(folder, "halves.f32");
  await writeHalves(atlas, controls, path);
  return readHalves(
    path,
    atlas,
    controls.map(({ group_id }) => group_id),
  );
}
