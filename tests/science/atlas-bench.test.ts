import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder } from "./anndata-files.ts";

test("the benchmark of atlases measures a small one, of which a question reads a part", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "bench/atlas.ts",
    "--sizes=600",
    "--python-up-to=0",
    `--folder=${await temporaryFolder()}`,
  ]);
  const { results } = JSON.parse(stdout) as {
    readonly results: readonly Record<string, Record<string, number>>[];
  };
  const [{ import: imported, question, fetched, values, source_bytes } = {}] = results;
  expect(results).toHaveLength(1);
  expect(imported).toMatchObject({ groups: 335, shards: 1 });
  expect(imported?.["values_a_second"]).toBeCloseTo(
    Number(values) / (imported?.["seconds"] as number),
  );
  expect(Number(source_bytes)).toBeGreaterThan(6 * Number(values));
  const { bytes_read: read = 0, groups_read: groups = 0 } = question ?? {};
  expect(groups).toBeLessThan(20);
  expect(fetched).toMatchObject({
    fetched_shards: 1,
    fetched_profile_bytes: 335 * 18_000 * 4,
    fetched_shard_bytes: expect.any(Number) as number,
    fetched_index_bytes: expect.any(Number) as number,
  });
  if (process.platform === "linux") expect(read).toBeLessThan(imported?.["disk_bytes"] as number);
});
