import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  forgetFound,
  foundPredictions,
  type FoundPredictionsOptions,
  type PredictedWork,
} from "../../actors/found-predictions.ts";
import type { PairName } from "../../machines/pair-types.ts";
import { HaystackError } from "../../errors.ts";
import { directoryObjects } from "../../services/objects/directory/store.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

/** Equal work is found again; other work, other users' and what is not whole any more is not. */

const signal = new AbortController().signal;
const WORK: PredictedWork = {
  run_id: "run-a",
  user_email: "ada@example.org",
  prompt: "1".repeat(64),
  query: "2".repeat(64),
  seed: 7,
};

async function place(changes: Partial<FoundPredictionsOptions> = {}) {
  const root = await temporaryFolder();
  const objects = directoryObjects({ root });
  const open = (more: Partial<FoundPredictionsOptions> = {}) => {
    const found = foundPredictions({
      objects,
      predictor: "stack:1",
      version: "weights-1",
      most: 100,
      ...changes,
      ...more,
    });
    return {
      ...found,
      async made(
        work: PredictedWork,
        text = "cells",
        pair: PairName = "prediction",
      ): Promise<string | null> {
        const note = found.noteFor(work);
        const path = `batch-io/${work.run_id}/iter_1/predictions.h5ad`;
        const stored = await objects.putText(path, text, signal);
        const where = { run_id: work.run_id, iteration: 1, pair };
        if (note !== null) await found.note(note, { ...stored, ...where }, signal);
        return note;
      },
      async from(work: PredictedWork): Promise<string | undefined> {
        const note = found.noteFor(work);
        return note === null ? undefined : (await found.find(note, signal))?.run_id;
      },
    };
  };
  return { root, objects, open, ...open() };
}

test("a prediction of equal work is found by another run of its user", async () => {
  const { made, from } = await place();
  await made(WORK);
  expect(await from({ ...WORK, run_id: "run-b" })).toBe("run-a");
});

test.each<PairName>(["control", "prediction-2", "control-4", "prediction-12"])(
  "the pair %s of a round is found, as any",
  async (pair) => {
    const { made, from } = await place();
    await made(WORK, "cells", pair);
    expect(await from({ ...WORK, run_id: "run-b" })).toBe("run-a");
  },
);

test("what a run predicted is found from another run that did the same, and no more once both are gone", async () => {
  const { made, from, objects } = await place();
  await made(WORK);
  await made({ ...WORK, run_id: "run-b" });
  await forgetFound(objects, (runId) => runId === "run-a");
  expect(await from({ ...WORK, run_id: "run-c" })).toBe("run-b");
  await forgetFound(objects, (runId) => runId === "run-b");
  expect(await from({ ...WORK, run_id: "run-c" })).toBeUndefined();
  for await (const path of objects.list("found-predictions/")) expect(path).toBeUndefined();
});

test.each<[string, Partial<PredictedWork>]>([
  ["another prompt", { prompt: "3".repeat(64) }],
  ["other query cells", { query: "3".repeat(64) }],
  ["another seed", { seed: 8 }],
  ["another user", { user_email: "bob@example.org" }],
  ["nobody's run", { user_email: null }],
])("%s finds nothing", async (_, changes) => {
  const { made, from } = await place();
  await made(WORK);
  expect(await from({ ...WORK, run_id: "run-b", ...changes })).toBeUndefined();
  expect(await from({ ...WORK, run_id: "run-b" })).toBe("run-a");
});

test.each<[string, Partial<FoundPredictionsOptions>]>([
  ["another program or image", { predictor: "stack:2" }],
  ["other weights", { version: "weights-2" }],
  ["a program whose predictions cost nothing", { predictor: undefined }],
  ["finding turned off", { most: 0 }],
])("with %s nothing is found", async (_, changes) => {
  const { made, open } = await place();
  await made(WORK);
  expect(await open(changes).from({ ...WORK, run_id: "run-b" })).toBeUndefined();
});

test("without a named version of the weights a run finds its own predictions, and no other run does", async () => {
  const { made, from } = await place({ version: undefined });
  const note = await made(WORK);
  expect(note).toMatch(/^batch-io\/run-a\/found\/[0-9a-f]{64}\.json$/);
  expect(await from(WORK)).toBe("run-a");
  expect(await from({ ...WORK, run_id: "run-b" })).toBeUndefined();
});

test("what was removed, replaced or half-written is not found, and is noted anew", async () => {
  const { made, from, root, objects } = await place();
  const file = join(root, "batch-io/run-a/iter_1/predictions.h5ad");
  for (const damage of [
    () => rm(file),
    () => writeFile(file, "other"),
    async (note: string) => void (await objects.putText(note, '{"path":', signal)),
  ]) {
    const note = await made(WORK);
    expect(await from(WORK)).toBe("run-a");
    await damage(note ?? "");
    expect(await from(WORK)).toBeUndefined();
  }
});

test("a user's predictions are kept up to the bound, and the newest is always among them", async () => {
  const { made, from, objects } = await place({ most: 3 });
  await made({ ...WORK, user_email: "bob@example.org" });
  for (let seed = 0; seed < 8; seed++) {
    await made({ ...WORK, seed });
    expect(await from({ ...WORK, seed })).toBe("run-a");
  }
  const kept: string[] = [];
  for await (const path of objects.list("found-predictions/")) kept.push(path);
  expect(kept).toHaveLength(3 + 1);
  expect(await from({ ...WORK, user_email: "bob@example.org" })).toBe("run-a");
  expect(kept.join(" ")).not.toMatch(/ada|bob|example/);
});

test.each(["null", "7", "{}", '{"path":1,"sha256":"x"}'])(
  "a note of another form (%s) is not found, and ends no run",
  async (text) => {
    const { made, from, objects } = await place();
    const note = (await made(WORK)) ?? "";
    await objects.putText(note, text, signal);
    expect(await from({ ...WORK, run_id: "run-b" })).toBeUndefined();
    await made(WORK);
    expect(await from({ ...WORK, run_id: "run-b" })).toBe("run-a");
  },
);

test("notes that cannot be kept or read cost no prediction, and are told of once each", async () => {
  const told: string[] = [];
  const { made, from, root, objects } = await place({
    onTrouble: ({ message }) => told.push(message),
  });
  await made(WORK);
  await rm(join(root, "found-predictions"), { recursive: true });
  await writeFile(join(root, "found-predictions"), "no folder");
  await made(WORK);
  await made({ ...WORK, seed: 8 });
  expect(await from(WORK)).toBeUndefined();
  expect(told).toEqual([
    expect.stringMatching(/^Predictions cannot be noted for later runs: .*\.$/) as string,
  ]);
  const broken = {
    ...objects,
    list: () => {
      throw new HaystackError("OBJECTS_UNAVAILABLE", "The bucket may not be listed.");
    },
  };
  const { from: fromBroken } = await place({
    objects: broken,
    onTrouble: ({ message }) => told.push(message),
  });
  expect([await fromBroken(WORK), await fromBroken(WORK)]).toEqual([undefined, undefined]);
  expect(told.slice(1)).toEqual([
    expect.stringMatching(/^Earlier predictions cannot be looked for: .*\.$/) as string,
  ]);
  await expect(
    foundPredictions({ objects: broken, predictor: "p", version: "1", most: 9 }).find(
      "found-predictions/a/b/c.json",
      AbortSignal.abort(),
    ),
  ).rejects.toThrow("aborted");
});
