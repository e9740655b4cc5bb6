import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { sharedIndexes } from "../../actors/shared-indexes.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { ADA, QUESTION, startApi } from "./api-harness.ts";

test("a list is as long as it is meant to be, and names each thing once", async () => {
  const server = await startApi({}, { withAtlas: true });
  onTestFinished(() => server.close());
  const ada = await server.caller(ADA);
  const ask = async (path: string, datasets: readonly string[]) => {
    const answer = await ada.post(path, { query: QUESTION, config: { datasets } });
    const { error, message } = (await answer.json()) as { error?: string; message?: string };
    return [answer.status, error, message];
  };
  for (const path of ["/runs", "/questions/check"]) {
    expect(
      await ask(
        path,
        Array.from({ length: 5_000 }, () => "simulated"),
      ),
    ).toEqual([
      400,
      "USAGE",
      expect.stringMatching(/config\.datasets must have at most 1000 entries/),
    ]);
    expect(await ask(path, ["simulated", "simulated"])).toEqual([
      400,
      "USAGE",
      "The body is not valid: config.datasets must name each dataset once.",
    ]);
    expect((await ask(path, ["x".repeat(201)]))[0]).toBe(400);
  }
  expect((await ask("/runs", ["simulated"]))[0]).toBe(201);
});

test("prompts side by side are refused where each kind of prediction is to have its job, and beyond their bounds", async () => {
  const server = await startApi({}, { withAtlas: true });
  onTestFinished(() => server.close());
  const ada = await server.caller(ADA);
  const refusal = async (config: object): Promise<readonly [number, string | undefined]> => {
    const answer = await ada.post("/runs", { query: QUESTION, config });
    return [answer.status, ((await answer.json()) as { message?: string }).message];
  };
  expect(await refusal({ control_job: "separate", prompts_per_round: 2 })).toEqual([
    400,
    "The body is not valid: config.prompts_per_round must be 1 with control_job separate: prompts side by side share one job.",
  ]);
  for (const prompts_per_round of [0, 9, 1.5])
    expect((await refusal({ prompts_per_round }))[0]).toBe(400);
  expect((await refusal({ control_job: "separate", prompts_per_round: 1 }))[0]).toBe(201);
});

test("a stored run that names a dataset many times opens it once", async () => {
  const server = await startApi({}, { withAtlas: true });
  onTestFinished(() => server.close());
  const names = Array.from({ length: 10_800 }, () => "simulated");
  expect(await server.daemon.atlases.open(names)).toHaveLength(1);
});

test("all who need the index of an atlas share one reading of it, until the file is another", async () => {
  const file = join(await temporaryFolder(), "index.json");
  await writeFile(file, JSON.stringify({ dataset: "one" }));
  const indexOf = sharedIndexes();
  const [first, ...others] = await Promise.all(Array.from({ length: 50 }, () => indexOf(file)));
  expect(others.every((other) => other === first)).toBe(true);
  expect(await indexOf(file)).toBe(first);
  await writeFile(file, JSON.stringify({ dataset: "another" }));
  expect(await indexOf(file)).toEqual({ dataset: "another" });
  await writeFile(file, "{");
  await expect(indexOf(file)).rejects.toThrow(SyntaxError);
  await expect(indexOf(file)).rejects.toThrow(SyntaxError);
});

test("a large index is parsed in pieces, between which the process does its other work", async () => {
  const file = join(await temporaryFolder(), "index.json");
  const groups = Array.from({ length: 20_000 }, (_, index) => ({
    group_id: `large/cells-${index}/drug/donor`,
    dataset: "large \u00b5 \ud83e\uddec",
    covariates: { dose: "1e-7 M", times: [0.1, -2.5e-9, null, true] },
    shard: "x".repeat(400),
  }));
  const text = JSON.stringify({ dataset: "large", groups });
  await writeFile(file, text);
  const parsed = vi.spyOn(JSON, "parse");
  const index = await sharedIndexes()(file);
  const atOnce = parsed.mock.calls.map(([part]) => part.length);
  parsed.mockRestore();
  expect(Math.max(0, ...atOnce)).toBeLessThan(1 << 20);
  expect(index).toEqual(JSON.parse(text));
  await writeFile(file, text.slice(0, -2));
  await expect(sharedIndexes()(file)).rejects.toThrow(SyntaxError);
  await writeFile(file, text.replace("drug", 'drug"'));
  await expect(sharedIndexes()(file)).rejects.toThrow(SyntaxError);
});

test("what is done for a client ends when it has gone", async () => {
  const server = await startApi({}, { withAtlas: true });
  onTestFinished(() => server.close());
  const { token } = await server.caller(ADA);
  const { compute } = server.parts;
  const begun = Promise.withResolvers<AbortSignal | undefined>();
  const { run } = compute;
  compute.run = (name, input, signal) => {
    begun.resolve(signal);
    return run.call(compute, name, input, signal) as never;
  };
  const asking = request(`${server.url}/api/v1/questions/check`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  asking.on("error", () => undefined);
  asking.end(JSON.stringify({ query: QUESTION }));
  const signal = await begun.promise;
  expect(signal?.aborted).toBe(false);
  const aborted = once(signal as AbortSignal, "abort");
  asking.destroy();
  await aborted;
  compute.run = run;
  const answer = await (await server.caller(ADA)).post("/questions/check", { query: QUESTION });
  expect([answer.status, ((await answer.json()) as { answerable: boolean }).answerable]).toEqual([
    200,
    true,
  ]);
});
