import { describe, expect, onTestFinished, test } from "vitest";
import { createGroupCommit, type CommitSource } from "../../actors/host/group-commit.ts";
import { HaystackError } from "../../errors.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { systemClock } from "../../services/clock/system.ts";
import type { CommitOutcome, RunCommit } from "../../services/runs/index.ts";
import { run } from "../support/hosted-runs.ts";

/** A store that answers when it is told to, and sources that count their writes under way. */
function writes() {
  const underWay: { readonly size: number; answer(): void }[] = [];
  const began: number[] = [];
  const waiters: (() => void)[] = [];
  const groupCommit = createGroupCommit(
    {
      commit(commits) {
        began.push(commits.length);
        for (const wake of waiters.splice(0)) wake();
        return new Promise<CommitOutcome[]>((answer) =>
          underWay.push({
            size: commits.length,
            answer: () => answer(commits.map(() => ({ result: "committed" }))),
          }),
        );
      },
    },
    systemClock,
    (error) => {
      throw error;
    },
  );
  const source = (
    name: string,
  ): CommitSource & { settled: number; inWrites: number; most: number } => ({
    settled: 0,
    inWrites: 0,
    most: 0,
    take() {
      this.inWrites += 1;
      this.most = Math.max(this.most, this.inWrites);
      const document = run(name);
      return {
        run_id: name,
        expect: { revision: 0, token: 1, status: "pending" },
        document,
        snapshot: "{}",
        machine: { id: "run", version: "1" },
        wake_at: null,
        attention_at: 0,
        consumed: [],
        outbox: [],
        history: [],
      } satisfies RunCommit;
    },
    settle() {
      this.inWrites -= 1;
      this.settled += 1;
    },
  });
  return {
    groupCommit,
    underWay,
    began,
    source,
    async until(count: number) {
      while (began.length < count) await new Promise<void>((resolve) => waiters.push(resolve));
    },
  };
}

test("all that asked in a tick are written together", async () => {
  const { groupCommit, underWay, began, source, until } = writes();
  const sources = Array.from({ length: 100 }, (_, index) => source(`r${index}`));
  for (const each of sources) groupCommit.request(each);
  await until(1);
  expect(began).toEqual([100]);
  underWay[0]?.answer();
  await groupCommit.idle();
  expect(sources.every(({ settled }) => settled === 1)).toBe(true);
});

test("more than one write holds are written in the order of asking, one write at a time", async () => {
  const { groupCommit, underWay, began, source, until } = writes();
  const sources = Array.from({ length: 600 }, (_, index) => source(`r${index}`));
  for (const each of sources) groupCommit.request(each);
  await until(1);
  expect(began).toEqual([256]);
  underWay[0]?.answer();
  await until(2);
  expect([sources[0]?.settled, sources[255]?.settled, sources[256]?.settled]).toEqual([1, 1, 0]);
  underWay[1]?.answer();
  await until(3);
  underWay[2]?.answer();
  await groupCommit.idle();
  expect(began).toEqual([256, 256, 88]);
  expect(sources.every(({ settled }) => settled === 1)).toBe(true);
});

test("what asks again while it is written is in the next write", async () => {
  const { groupCommit, underWay, began, source, until } = writes();
  const again = source("again");
  groupCommit.request(again);
  await until(1);
  groupCommit.request(again);
  groupCommit.request(source("other"));
  underWay[0]?.answer();
  await until(2);
  underWay[1]?.answer();
  await groupCommit.idle();
  expect(began).toEqual([1, 2]);
  expect([again.settled, again.most]).toEqual([2, 1]);
});

describe("a write that is repeated, as the answer to the first one was lost (invariant 3)", () => {
  const commit: RunCommit = {
    run_id: "r1",
    expect: { revision: 6, token: 3, status: "running" },
    document: run("r1"),
    snapshot: "{}",
    machine: { id: "run", version: "1" },
    wake_at: null,
    attention_at: 0,
    consumed: ["event-1"],
    outbox: [],
    history: [],
  };

  /** What its source hears when the store answers like this, attempt by attempt. */
  const outcomeAfter = async (answers: readonly (HaystackError | CommitOutcome)[]) => {
    const written: (readonly RunCommit[])[] = [];
    const troubles: string[] = [];
    const groupCommit = createGroupCommit(
      {
        async commit(commits) {
          const answer = answers[written.push(commits) - 1];
          if (answer === undefined) throw new Error("The store was asked too often.");
          if (answer instanceof HaystackError) throw answer;
          return [answer];
        },
      },
      {
        ...manualClock(),
        after: (_, callback) => (setImmediate(callback), () => undefined),
      },
      ({ code }) => troubles.push(code),
    );
    onTestFinished(() => groupCommit.close());
    const outcome = await new Promise<CommitOutcome>((settle) =>
      groupCommit.request({ take: () => commit, settle: (_, answer) => settle(answer) }),
    );
    await groupCommit.idle();
    return { outcome, written, troubles };
  };

  const lostAnswer = new HaystackError("STORE_UNAVAILABLE", "The answer was lost.");
  const conflict = (revision: number, token: number): CommitOutcome => ({
    result: "conflict",
    revision,
    token,
    status: "running",
  });
  const ours = conflict(7, 3);

  test("is our own when it meets our token one revision ahead", async () => {
    const { outcome, written, troubles } = await outcomeAfter([lostAnswer, ours]);
    expect(outcome).toEqual({ result: "committed" });
    expect(written).toEqual([[commit], [commit]]);
    expect(troubles).toEqual(["STORE_UNAVAILABLE"]);
  });

  test("is our own however many answers were lost", async () => {
    const { outcome, written } = await outcomeAfter([lostAnswer, lostAnswer, lostAnswer, ours]);
    expect(outcome).toEqual({ result: "committed" });
    expect(written).toEqual([[commit], [commit], [commit], [commit]]);
  });

  test("is taken when the first one had not arrived", async () => {
    const { outcome } = await outcomeAfter([lostAnswer, { result: "committed" }]);
    expect(outcome).toEqual({ result: "committed" });
  });

  test.each<[string, CommitOutcome]>([
    ["another host's token", conflict(7, 4)],
    ["another token at our revision", conflict(6, 4)],
    ["our revision, changed by another program", conflict(6, 3)],
    ["two revisions ahead", conflict(8, 3)],
    ["a run that is gone", { result: "missing" }],
  ])("is refused when it meets %s", async (_, answer) => {
    expect((await outcomeAfter([lostAnswer, answer])).outcome).toEqual(answer);
  });

  test("only then: a first write that meets our token one revision ahead is refused", async () => {
    expect((await outcomeAfter([ours])).outcome).toEqual(ours);
  });
});

describe("a write that always ends in an error holds up no other for long (invariant 4)", () => {
  const outcomesOf = async (ids: readonly string[], error: Error) => {
    let pauses = 0;
    const groupCommit = createGroupCommit(
      {
        async commit(commits) {
          if (commits.some(({ run_id }) => run_id === "bad")) throw error;
          return commits.map(() => ({ result: "committed" }));
        },
      },
      {
        ...manualClock(),
        after(ms, callback) {
          pauses += ms;
          setImmediate(callback);
          return () => undefined;
        },
      },
      () => undefined,
    );
    onTestFinished(() => groupCommit.close());
    const { source } = writes();
    const outcomes = await Promise.all(
      ids.map(
        (id) =>
          new Promise<[string, string]>((settle) =>
            groupCommit.request({
              take: () => source(id).take(),
              settle: (_, { result }) => settle([id, result]),
            }),
          ),
      ),
    );
    return { outcomes, pauses };
  };

  test.each([
    ["of the store", new HaystackError("STORE_VERSION_UNKNOWN", "It is another's."), 1_000],
    ["that nobody foresaw", new TypeError("Cannot read properties of undefined"), 60_000],
  ])("%s", async (_, error, longest) => {
    const { outcomes, pauses } = await outcomesOf(["r1", "bad", "r2"], error);
    expect(outcomes).toEqual([
      ["r1", "committed"],
      ["bad", "refused"],
      ["r2", "committed"],
    ]);
    expect(pauses).toBeLessThan(longest);
    expect((await outcomesOf(["bad"], error)).outcomes).toEqual([["bad", "refused"]]);
  });

  test.each<[string, readonly string[]]>([
    ["in one write with others", ["r1", "bad", "r2"]],
    ["alone", ["bad"]],
  ])("others are written while it is repeated: %s", async (_, ids) => {
    const clock = manualClock(0);
    let isRefused = true;
    const written: string[] = [];
    const groupCommit = createGroupCommit(
      {
        async commit(commits) {
          const names = commits.map(({ run_id }) => run_id);
          if (isRefused && names.includes("bad")) throw new TypeError("planted");
          written.push(...names);
          return names.map(() => ({ result: "committed" }));
        },
      },
      clock,
      () => undefined,
    );
    onTestFinished(() => groupCommit.close());
    const { source } = writes();
    const sources = new Map(["r1", "bad", "r2", "r3"].map((id) => [id, source(id)]));
    const ask = (...names: readonly string[]): void => {
      for (const name of names) groupCommit.request(sources.get(name) as CommitSource);
    };
    ask(...ids);
    await expect.poll(() => clock.waiting).toBe(1);
    ask("r3", "bad", "r1");
    await expect.poll(() => written.filter((id) => id === "r3")).toEqual(["r3"]);
    expect(written).not.toContain("bad");
    expect(sources.get("bad")).toMatchObject({ most: 1, settled: 0 });
    isRefused = false;
    const idle = groupCommit.idle();
    clock.advance(1_000);
    await idle;
    expect(written.filter((id) => id === "bad")).toHaveLength(2);
    expect(sources.get("bad")).toMatchObject({ most: 1, settled: 2, inWrites: 0 });
  });
});
