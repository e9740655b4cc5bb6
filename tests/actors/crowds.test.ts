import { expect, test } from "vitest";
import { createFairQueue } from "../../actors/fair-queue.ts";
import { composeMail } from "../../actors/mail/compose-mail.ts";
import { manualClock } from "../../services/clock/manual.ts";
import type { MailService } from "../../services/mail/index.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

const CROWD = 5_000;

/**
 * Longest time, in milliseconds, for which this thread kept its event loop from turning: that of its
 * processor, as a busy machine keeps it waiting besides.
 */
function longestHold(): () => number {
  let [last, longest] = [process.threadCpuUsage(), 0];
  const look = (): void => {
    const now = process.threadCpuUsage();
    longest = Math.max(longest, (now.user + now.system - last.user - last.system) / 1_000);
    last = now;
  };
  const every = setInterval(look, 10);
  return () => {
    clearInterval(every);
    look();
    return longest;
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test(
  "5,000 runs that are cancelled at once: mails in turns, nobody waits behind them, and a stop in the middle sends none twice",
  {
    timeout: 120_000,
  },
  async () => {
    const store = await temporaryStore();
    const ids = Array.from({ length: CROWD }, (_, index) => `crowd-${index}`);
    const others = ["single-1", "single-2"];
    await Promise.all(
      [...ids, ...others].map((id) =>
        store.insert({
          ...run(id),
          user_email: id.startsWith("crowd") ? "many@x.org" : `${id}@x.org`,
        }),
      ),
    );
    const sent: string[] = [];
    let [under, most] = [0, 0];
    let enough = (): void => undefined;
    const mail: MailService = {
      async send({ key }) {
        most = Math.max(most, ++under);
        await turn();
        under -= 1;
        if (sent.push(key) === 1_000) enough();
      },
      close: () => Promise.resolve(),
    };
    const host = () =>
      hostRuns(store, scriptedEffects({ now: Date.now }), {
        mail,
        owner: "daemon",
        limits: { maxActive: 0, maxActivePerUser: 0 },
      });
    const first = await host();
    const heldMs = longestHold();
    const thousand = new Promise<void>((resolve) => (enough = resolve));
    await Promise.all(
      [...ids, ...others].map((id) =>
        first.supervisor.deliver(id, { id: `cancel-${id}`, event: { type: "cancel.requested" } }),
      ),
    );
    await thousand;
    const stopping = performance.now();
    await first.supervisor.stop();
    const held = heldMs();
    const stopped = { ms: performance.now() - stopping, sent: sent.length };
    expect(stopped.ms).toBeLessThan(10_000);
    expect(stopped.sent).toBeLessThan(CROWD / 2);
    expect(held).toBeLessThan(1_000);
    expect(most).toBeLessThanOrEqual(16);
    for (const id of others) expect(sent.indexOf(`${id}.run_cancelled.1`)).toBeLessThan(1_000);
    const recorded = await store.mails({ state: "sent", limit: 2 * CROWD });
    expect(recorded.map(({ mail: { key } }) => key).toSorted()).toEqual(sent.toSorted());

    const all = new Promise<void>((resolve) => {
      const look = mail.send;
      Object.assign(mail, {
        async send(given: Parameters<MailService["send"]>[0]) {
          await look(given);
          if (sent.length === CROWD + others.length) resolve();
        },
      });
    });
    const second = await host();
    await all;
    await second.supervisor.stop();
    expect(new Set(sent).size).toBe(sent.length);
    expect(first.troubles.concat(second.troubles)).toEqual([]);
  },
);

test("whoever has work waiting has a turn before anybody has two", async () => {
  const queue = createFairQueue(1);
  const done: string[] = [];
  const work = (name: string) => () => turn().then(() => void done.push(name));
  await Promise.all([
    ...[1, 2, 3].map((number) => queue.add("a", work(`a${number}`))),
    ...[1, 2].map((number) => queue.add("b", work(`b${number}`))),
    queue.add("c", work("c1")),
  ]);
  expect(done).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
});

test("a queue that is cleared finishes what has begun, and does no more", async () => {
  const queue = createFairQueue(1);
  const gate = Promise.withResolvers<string>();
  const begun = queue.add("a", () => gate.promise);
  const waiting = queue.add("a", () => Promise.reject(new Error("It was begun.")));
  await turn();
  queue.clear();
  gate.resolve("done");
  expect(await begun).toBe("done");
  expect(await waiting).toBe("never");
  expect(await queue.add("b", () => Promise.reject(new Error("It was begun.")))).toBe("never");
});

test("the list of atlases is read once for the mails of a crowd, and again for later ones", async () => {
  const clock = manualClock();
  let reads = 0;
  const compose = composeMail(
    { name: "stack", is_baseline: false },
    { list: async () => (reads++, []) },
    clock,
  );
  const entry = {
    key: "r1.run_cancelled.1",
    kind: "run_cancelled",
    state: "owed",
    attempts: 0,
    due_at: 0,
    problem: null,
  } as const;
  await Promise.all(Array.from({ length: 100 }, () => compose(run("r1"), entry)));
  expect(reads).toBe(1);
  clock.advance(5_000);
  await compose(run("r1"), entry);
  expect(reads).toBe(2);
  await compose({ ...run("r1"), atlases: [] }, entry);
  expect(reads).toBe(2);
});
