import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backUp, restore } from "../../adapters/backup.ts";
import { openObjects } from "../../adapters/objects.ts";
import { openRuns } from "../../adapters/runs.ts";
import { loadConfig, type Config } from "../../config.ts";
import { sampleRun } from "../services/runs-fixtures.ts";
import { describeWithGcs, startGcs, type GcsServer } from "../support/gcs-server.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

describeWithGcs("a backup of runs whose objects are in a bucket", () => {
  let server: GcsServer;
  beforeAll(async () => {
    server = await startGcs();
    await server.makeBucket("cells");
  });
  afterAll(() => server.stop());

  const at = (dataDir: string, GCS_PREFIX = "team/haystack/"): Config => ({
    ...loadConfig({}, dataDir),
    GCS_BUCKET: "cells",
    GCS_PREFIX,
    GCS_ENDPOINT: server.url,
    BATCH_PROJECT: "p",
  });

  test("names them with generation and checksum, and a restore says which are no longer as they were", async () => {
    const folder = await temporaryFolder();
    const [config, copy] = [at(join(folder, "data")), at(join(folder, "copy"))];
    const [backup, again] = [join(folder, "backup"), join(folder, "again")];
    const runs = await openRuns(config);
    await runs.insert(sampleRun("run-a"));
    await runs.close();
    const objects = await openObjects(config);
    for (const name of ["gone", "other", "same"])
      await objects.putText(`results/run-a/${name}.json`, name);
    const { bucket, files } = await backUp(config, backup, { link: false });
    expect(files.map(({ path }) => path)).toEqual(["runs.sqlite"]);
    const kept = (name: string, crc32c: string) => ({
      path: `results/run-a/${name}.json`,
      bytes: name.length,
      generation: expect.stringMatching(/^\d+$/) as string,
      crc32c,
    });
    // CRC32C of the words, by the polynomial of RFC 3720.
    expect(bucket).toEqual({
      name: "cells",
      prefix: "team/haystack/",
      objects: [kept("gone", "ZxSp8g=="), kept("other", "uTja5A=="), kept("same", "KFVJdw==")],
    });

    expect((await restore(copy, backup)).changed).toEqual([]);
    await objects.remove("results/run-a/gone.json");
    await objects.putText("results/run-a/other.json", "something else");
    await objects.putText("results/run-a/more.json", "more");
    await objects.close();
    const { changed } = await restore(at(again), backup);
    const generationOf = (index: number): string => bucket?.objects[index]?.generation ?? "";
    const place = "gs://cells/team/haystack/results/run-a";
    expect(changed).toEqual([
      {
        path: "results/run-a/gone.json",
        why: `it is gone; bring back ${place}/gone.json#${generationOf(0)}`,
      },
      {
        path: "results/run-a/other.json",
        why: `it has other content; bring back ${place}/other.json#${generationOf(1)}`,
      },
    ]);
    const restored = await openRuns(at(again));
    expect((await restored.get("run-a"))?.document.run_id).toBe("run-a");
    await restored.close();
  });

  test("is restored for the same bucket and folder only", async () => {
    const folder = await temporaryFolder();
    const config = at(join(folder, "data"));
    const runs = await openRuns(config);
    await runs.close();
    await backUp(config, join(folder, "backup"), { link: false });
    const copy = join(folder, "copy");
    for (const place of [
      loadConfig({}, copy),
      at(copy, "other/"),
      { ...at(copy), GCS_BUCKET: "x" },
    ])
      await expect(restore(place, join(folder, "backup"))).rejects.toMatchObject({
        code: "USAGE",
        message: expect.stringContaining("cells/team/haystack/") as string,
      });
    const unreachable = { ...at(copy), GCS_ENDPOINT: "http://127.0.0.1:1" };
    await expect(restore(unreachable, join(folder, "backup"))).rejects.toMatchObject({
      code: "OBJECTS_UNAVAILABLE",
    });
    expect(existsSync(join(copy, "runs.sqlite"))).toBe(false);
    expect((await readdir(copy)).filter((name) => !name.startsWith("runs.sqlite.lock"))).toEqual(
      [],
    );
  });
});
