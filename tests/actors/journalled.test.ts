import { expect, test } from "vitest";
import { journalOf } from "../../actors/agents/journalled.ts";
import { HaystackError } from "../../errors.ts";
import { manualClock } from "../../services/clock/manual.ts";

const UNAVAILABLE = new HaystackError("STORE_UNAVAILABLE", "The store is away.");
const STEP = { run_id: "r1", step: "prompt", iteration: 2 } as const;

/** A journal whose store fails as told; `puts` counts what was tried. */
function journalFailing(...failures: readonly HaystackError[]) {
  const clock = manualClock();
  const stored = new Map<string, unknown>();
  const state = { puts: 0 };
  const tried = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const runs = {
    journalGet: async (_: string, key: string): Promise<unknown> => stored.get(key),
    async journalPut(_: string, key: string, value: unknown): Promise<unknown> {
      const failure = failures[state.puts];
      tried[state.puts]?.resolve();
      state.puts += 1;
      if (failure !== undefined) throw failure;
      if (!stored.has(key)) stored.set(key, value);
      return stored.get(key);
    },
  };
  return { clock, journal: journalOf({ runs, clock }, STEP, "model"), state, stored, tried };
}

test("what was paid for is put once more when its step is aborted, and only once", async () => {
  for (const [failures, outcome, puts] of [
    [[UNAVAILABLE], "paid", 2],
    [[UNAVAILABLE, UNAVAILABLE], UNAVAILABLE, 2],
  ] as const) {
    const { clock, journal, state, stored, tried } = journalFailing(...failures);
    const stop = new AbortController();
    const asked = journal.once(["q"], async () => "paid", stop.signal);
    const ended = asked.then(
      (value) => value,
      (thrown: unknown) => thrown,
    );
    await tried[0]?.promise;
    stop.abort();
    expect(await ended).toBe(outcome);
    expect([state.puts, [...stored.values()]]).toEqual([puts, outcome === "paid" ? ["paid"] : []]);
    expect(clock.waiting).toBe(0);
  }
});

test("a step that is aborted while it pays still has its result on record", async () => {
  const { journal, stored } = journalFailing();
  const stop = new AbortController();
  const asked = journal.once(
    ["q"],
    async () => {
      stop.abort();
      return "paid";
    },
    stop.signal,
  );
  expect(await asked).toBe("paid");
  expect([...stored.values()]).toEqual(["paid"]);
});

test("a store that refuses for good is not asked again", async () => {
  const refusal = new HaystackError("RUN_NOT_FOUND", "There is no such run.");
  const { journal, state } = journalFailing(refusal);
  const asked = journal.once(["q"], async () => "paid", new AbortController().signal);
  await expect(asked).rejects.toBe(refusal);
  expect(state.puts).toBe(1);
});

test("a question asked before costs nothing; another one, or of another step, is asked", async () => {
  const { journal, stored } = journalFailing();
  const signal = new AbortController().signal;
  const asked: string[] = [];
  const ask = (question: string) =>
    journal.once(
      [question],
      async (key) => {
        asked.push(question);
        return key;
      },
      signal,
    );
  const first = await ask("a");
  expect(await ask("a")).toBe(first);
  await ask("b");
  expect(asked).toEqual(["a", "b"]);
  expect([...stored.keys()].every((key) => key.startsWith("model/prompt/2/"))).toBe(true);
});
