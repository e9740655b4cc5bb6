import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { jobSpec } from "./batch.contract.ts";
import { localHarness, running } from "./local-batch-harness.ts";

const ENDED = ["SUCCEEDED", "FAILED", "CANCELLED"] as const;

test("what is done in a copied folder leaves the jobs of the original alone", async () => {
  const original = await localHarness({ maxConcurrent: 2 });
  const [lasting, stopped, queued] = [jobSpec(), jobSpec(), jobSpec()];
  const { file, release } = original.gate();
  for (const spec of [lasting, stopped, queued]) {
    await original.putInputs(spec, { until: file });
    await original.batch.submit(spec);
  }
  const processes = [...(await original.pids(lasting)), ...(await original.pids(stopped))];
  await original.started(stopped);

  const copy = await original.onCopy();
  await copy.batch.cancel(stopped.job_id);
  expect((await copy.events.until(stopped.job_id, ENDED)).state).toBe("CANCELLED");
  expect((await copy.events.until(lasting.job_id, ENDED)).state).toBe("FAILED");
  expect(await copy.batch.get(lasting.job_id)).toMatchObject({ failure: { kind: "transient" } });
  await copy.started(queued);
  expect(await original.output(queued)).toBeUndefined();
  expect(await original.runs(queued)).toBe(0);
  expect(await running(processes)).not.toContain(false);

  await release();
  expect((await copy.events.until(queued.job_id, ENDED)).state).toBe("SUCCEEDED");
  for (const spec of [lasting, stopped, queued]) {
    expect((await original.events.until(spec.job_id, ENDED)).state).toBe("SUCCEEDED");
    expect(await original.runs(spec)).toBe(1);
  }
  expect(copy.errors).toEqual([]);
});

test("a job's file names no folder above its own", async () => {
  const harness = await localHarness();
  const spec = jobSpec();
  await harness.putInputs(spec, {});
  await harness.batch.submit(spec);
  const text = await readFile(join(harness.root, "jobs", spec.job_id, "spec.json"), "utf8");
  const { cwd: _, command: __, ...stored } = JSON.parse(text) as Record<string, unknown>;
  expect(JSON.stringify(stored)).not.toContain(join(harness.root, ".."));
  await harness.events.until(spec.job_id, ENDED);
});
