import { afterAll, beforeAll, expect, test } from "vitest";
import { atlasCatalogue } from "../../actors/atlas-catalogue.ts";
import { compute, simulatedAtlas, type SharedAtlas } from "./agents-harness.ts";

/** One atlas that is damaged hides no other, and can be imported anew. */

let atlas: SharedAtlas;
beforeAll(async () => {
  atlas = await simulatedAtlas();
});
afterAll(() => atlas.close());

const DAMAGES = {
  half: '{"format":"haystack-atlas/2","dataset"',
  "another document": "[]",
  "another version": '{"format":"haystack-atlas/9","groups":[]}',
  "no groups": '{"format":"haystack-atlas/2","groups":null}',
} as const;

test.each(Object.entries(DAMAGES))("an index that is %s", async (_, text) => {
  const { objects } = atlas;
  const told: string[] = [];
  const catalogue = atlasCatalogue(objects, compute, atlas.knowledge, ({ message }) =>
    told.push(message),
  );
  await objects.putText("atlases/damaged/index.json", text, AbortSignal.timeout(10_000));
  const sentence =
    "The atlas damaged is damaged or was written by another version; import it again, or name other atlases.";
  expect((await catalogue.list()).map(({ dataset }) => dataset)).toEqual(["simulated"]);
  expect(told).toEqual([sentence]);
  const refusal = { code: "FILE_DAMAGED", message: sentence };
  await expect(catalogue.get("damaged")).rejects.toMatchObject(refusal);
  await expect(catalogue.open([])).rejects.toMatchObject(refusal);
  expect(await catalogue.open(["simulated"])).toHaveLength(1);
});

test("a damaged atlas is replaced by an import of its name", async () => {
  const { objects, atlases, file } = atlas;
  await objects.putText("atlases/damaged/index.json", "half", AbortSignal.timeout(10_000));
  await atlases.import({ source: file, dataset: "damaged" });
  expect((await atlases.get("damaged")).groups).not.toHaveLength(0);
  await objects.remove("atlases/damaged/index.json");
});
