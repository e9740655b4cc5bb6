import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { simulate } from "../support/simulation/simulate.ts";

const COMMAND = join(import.meta.dirname, "../support/simulation/main.ts");

/** The command in a process of its own: exit code and output. */
const run = (...args: string[]): Promise<{ code: number; output: string }> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [COMMAND, ...args],
      { maxBuffer: 256 * 1024 * 1024 },
      (error, output) => resolve({ code: error === null ? 0 : Number(error.code ?? 1), output }),
    );
  });

/** Each has to strike in some of the 1,000 worlds. */
const FAULTS: readonly string[] = [
  ...["store", "batch", "objects", "mail"].flatMap((service) => [
    `request lost: ${service}`,
    `answer lost: ${service}`,
    `slow: ${service}`,
  ]),
  // Objects are asked for too seldom to be always away once.
  "away: store",
  "away: batch",
  "away: mail",
  "event lost",
  "event doubled",
  "event late",
  "event out of order",
  "job not found",
  "queued job failed",
  "old news of a failure",
  "preempted",
  "job cancelled by others",
  "job hangs",
  "round interrupted",
  "no output",
  "application",
  "transient",
  "over_time",
  "kill",
  "stall",
  "drain",
  "compute killed: step",
  "compute killed: check",
  ...["step", "object", "job", "store"].map((work) => `disk full: ${work}`),
  ...["step", "object", "job"].map((work) => `too many files: ${work}`),
  "record damaged",
  "write refused",
  "run ends process",
  "runner frozen",
  "crowd cancelled",
  "clock set back",
  "clock set forward",
  "lease lost",
  "two daemons",
  "money spent",
];

test("1,000 seeded worlds keep the durability contract", { timeout: 900_000 }, async () => {
  const { code, output } = await run("--seeds", "1000", "--from", "1");
  expect(output).not.toContain(" fails: ");
  const { faults, ...result } = JSON.parse(output.trim().split("\n").at(-1) ?? "{}") as {
    faults: Record<string, number>;
  };
  expect(result).toMatchObject({ seeds: 1_000, failing: [] });
  expect(FAULTS.filter((kind) => (faults[kind] ?? 0) === 0)).toEqual([]);
  expect(code).toBe(0);
});

test("a seed replays exactly: the same events in the same order", async () => {
  const seeds = [3, 7, 11, 19];
  const results = [];
  for (const seed of [...seeds, ...seeds]) results.push(await simulate(seed));
  expect(results.slice(seeds.length)).toEqual(results.slice(0, seeds.length));
  expect(new Set(results.map(({ digest }) => digest)).size).toBe(seeds.length);
});

test("a replay prints its trace and gives the digest of the exploration", async () => {
  const { digest } = await simulate(5);
  const { code, output } = await run("--seed", "5");
  expect(code).toBe(0);
  expect(output).toContain("commit run-1 r1");
  expect(output).toContain(digest);
});

test("every kind of end and of trouble occurs", async () => {
  const ends = new Set<string>();
  const happened = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const result = await simulate(seed, {
      onTrace: (line) => void happened.add(line.split(" ")[1] ?? ""),
    });
    for (const end of Object.values(result.ends)) ends.add(end);
  }
  expect([...ends].toSorted()).toEqual(["cancelled", "completed", "failed"]);
  for (const kind of ["kill", "stall", "drain", "trouble", "cancelled", "mail"])
    expect([...happened]).toContain(kind);
});
