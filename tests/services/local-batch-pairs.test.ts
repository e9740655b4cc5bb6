import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DONE_NOTES, type InferenceJobSpec, manifestOf } from "../../services/batch/index.ts";
import { jobSpec, pairIn, pairOf } from "./batch.contract.ts";
import type { Behaviour } from "./inference-program.ts";
import { type LocalHarness, localHarness, MANIFEST_COMMAND } from "./local-batch-harness.ts";

/** Jobs of several pairs on this machine: what is predicted again, and what is found. */

const ENDED = ["SUCCEEDED", "FAILED", "CANCELLED"] as const;

/** The attempts of one job of two pairs. */
function attempts(): (number: number, changes?: Partial<InferenceJobSpec>) => InferenceJobSpec {
  const first = jobSpec();
  const folder = first.manifest.slice(0, first.manifest.lastIndexOf("/"));
  return (number, changes = {}) => ({
    ...first,
    kind: "round",
    attempt: number,
    job_id: `${first.run_id}-round-${number}`,
    pairs: [pairIn(folder), pairIn(folder, "control_")],
    ...changes,
  });
}

async function end(
  { batch, events, putInputs }: LocalHarness,
  spec: InferenceJobSpec,
  ...behaviours: Behaviour[]
): Promise<string> {
  const [behaviour = {}, ...others] = behaviours;
  await putInputs(spec, behaviour, ...others);
  await batch.submit(spec);
  return (await events.until(spec.job_id, ENDED)).state;
}

const runsOf = (harness: LocalHarness, spec: InferenceJobSpec): Promise<number[]> =>
  Promise.all(spec.pairs.map((pair) => harness.runs(spec, pair)));

const fileOf = (harness: LocalHarness, path: string): string =>
  join(harness.root, "..", "the objects", path);

type Change = (harness: LocalHarness, spec: InferenceJobSpec) => Promise<unknown>;
const note = (spec: InferenceJobSpec): string => `${pairOf(spec).output}${DONE_NOTES[1]}`;

test.each<[string, Change, Partial<InferenceJobSpec>, number[]]>([
  ["nothing", async () => {}, {}, [1, 1]],
  ["its output", (h, s) => writeFile(fileOf(h, pairOf(s).output), "x"), {}, [2, 1]],
  ["its note", (h, s) => rm(fileOf(h, note(s))), {}, [2, 1]],
  ["half of its note", (h, s) => writeFile(fileOf(h, note(s)), '{"work'), {}, [2, 1]],
  ["its prompt", (h, s) => writeFile(fileOf(h, pairOf(s).prompt), '{"exit":0}'), {}, [2, 1]],
  ["the query of both", (h, s) => writeFile(fileOf(h, pairOf(s).query), "other"), {}, [2, 2]],
  ["the seed", async () => {}, { seed: 43 }, [2, 2]],
])("with %s changed, what is left of that work is predicted again", async (_, change, to, runs) => {
  const harness = await localHarness();
  const attempt = attempts();
  expect(await end(harness, attempt(1), {}, {})).toBe("SUCCEEDED");
  await change(harness, attempt(1));
  await harness.batch.submit(attempt(2, to));
  expect((await harness.events.until(attempt(2).job_id, ENDED)).state).toBe("SUCCEEDED");
  expect(await runsOf(harness, attempt(2))).toEqual(runs);
});

test("a round that is stopped in each pair, twice, predicts none twice after it was stored", async () => {
  const stopped: Behaviour = { exit: 1, noOutput: true };
  for (const [first, second, runs] of [
    [
      [stopped, {}],
      [stopped, {}],
      [3, 1],
    ],
    [
      [stopped, {}],
      [{}, stopped],
      [2, 2],
    ],
    [
      [{}, stopped],
      [{}, stopped],
      [1, 3],
    ],
  ] as const) {
    const harness = await localHarness();
    const attempt = attempts();
    expect(await end(harness, attempt(1), ...first)).toBe("FAILED");
    expect(await end(harness, attempt(2), ...second)).toBe("FAILED");
    expect(await end(harness, attempt(3), {}, {})).toBe("SUCCEEDED");
    expect(await runsOf(harness, attempt(3))).toEqual(runs);
  }
});

test(
  "a round of four that is interrupted after each pair, twice, predicts none again after it was stored",
  { timeout: 120_000 },
  async () => {
    const numbers = [0, 1, 2, 3];
    const interrupted = (at: number): Behaviour[] =>
      numbers.map((pair) => (pair === at ? { exit: 1, noOutput: true } : {}));
    const cases = numbers.flatMap((first) =>
      numbers.filter((second) => second >= first).map((second) => [first, second] as const),
    );
    await Promise.all(
      cases.map(async ([first, second]) => {
        const harness = await localHarness();
        const attempt = attempts();
        const folder = attempt(1).manifest.replace(/\/[^/]*$/, "");
        const four = {
          pairs: ["", "control_", "second_", "second_control_"].map((prefix) =>
            pairIn(folder, prefix),
          ),
        };
        expect(await end(harness, attempt(1, four), ...interrupted(first))).toBe("FAILED");
        expect(await end(harness, attempt(2, four), ...interrupted(second))).toBe("FAILED");
        expect(await end(harness, attempt(3, four), ...interrupted(-1))).toBe("SUCCEEDED");
        expect([first, second, ...(await runsOf(harness, attempt(3, four)))]).toEqual([
          first,
          second,
          ...numbers.map((pair) => 1 + Number(pair === first) + Number(pair === second)),
        ]);
      }),
    );
  },
);

test("a program that takes a manifest is begun once for all pairs, and each pair is told in the output", async () => {
  const together = await localHarness({
    program: { command: MANIFEST_COMMAND, model: { name: "test", is_baseline: true } },
  });
  const attempt = attempts();
  expect(await end(together, attempt(1), {}, {})).toBe("SUCCEEDED");
  expect(await runsOf(together, attempt(1))).toEqual([1, 1]);

  const one = await localHarness();
  expect(await end(one, attempt(1), {}, {})).toBe("SUCCEEDED");
  const said = await one.batch.output(attempt(1).job_id);
  const lines = "text" in (said ?? {}) ? (said as { text: string }).text.trim().split("\n") : [];
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual(
    ["prediction", "control_prediction"].map((pair) => ({
      pair,
      outcome: "predicted",
      seconds: expect.any(Number) as number,
    })),
  );
});

test("a program that leaves out a pair has failed, and the pair is named", async () => {
  const harness = await localHarness({
    program: { command: MANIFEST_COMMAND, model: { name: "test", is_baseline: true } },
  });
  const spec = attempts()(1);
  expect(await end(harness, spec, {}, { noOutput: true })).toBe("FAILED");
  expect((await harness.batch.get(spec.job_id))?.failure).toMatchObject({
    reason: `The inference program ended without writing ${spec.pairs[1]?.output ?? ""}.`,
  });
});

test("a manifest names files from its own folder on, and no others", () => {
  const { manifest, pairs } = attempts()(1);
  expect(JSON.parse(manifestOf(manifest, pairs))).toEqual({
    version: 1,
    pairs: ["", "control_"].map((prefix) => ({
      name: `${prefix}prediction`,
      prompt: `${prefix}prompt.h5ad`,
      query: "query.h5ad",
      output: `${prefix}predictions.h5ad`,
    })),
  });
  expect(() => manifestOf("elsewhere/manifest.json", pairs)).toThrow("is not below elsewhere/");
});
