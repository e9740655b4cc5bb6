import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { manualClock } from "../../services/clock/manual.ts";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import { hostRuns } from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { LEASE_MS, NOW } from "./runs-fixtures.ts";

describeWithMongodb("presence of daemons on MongoDB", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());

  const open = async (database: string) => {
    const store = await openMongoRuns({ uri: server.uri, database });
    onTestFinished(() => store.close());
    const { presence } = store;
    if (presence === undefined) throw new Error("A shared store tells which daemons are there.");
    return { store, presence };
  };

  test("a daemon is there until its time, or its end; one that died is forgotten when another comes", async () => {
    const { presence } = await open("times");
    expect(await presence.isAnyThere(NOW)).toBe(false);
    await presence.renew("a", NOW, NOW + 10);
    await presence.renew("a", NOW + 5, NOW + 15);
    await presence.renew("b", NOW + 5, NOW + 8);
    const there = [NOW + 14, NOW + 15].map((time) => presence.isAnyThere(time));
    expect(await Promise.all(there)).toEqual([true, false]);
    await presence.end("a");
    await presence.renew("c", NOW + 20, NOW + 30);
    expect(await presence.isAnyThere(NOW + 6)).toBe(true);
    await presence.end("c");
    expect(await presence.isAnyThere(NOW + 6)).toBe(false);
  });

  test("a daemon that takes runs renews its presence while idle, and ends it while it drains and when it stops; one for given runs has none", async () => {
    const { store, presence } = await open("daemons");
    const clock = manualClock(NOW);
    const given = await hostRuns(store, scriptedEffects({ now: clock.now }), {
      clock,
      owner: "given",
      sweeps: false,
    });
    expect(await presence.isAnyThere(NOW)).toBe(false);
    await given.supervisor.stop();
    const { supervisor } = await hostRuns(store, scriptedEffects({ now: clock.now }), {
      clock,
      owner: "daemon",
      leaseMs: LEASE_MS,
    });
    await expect.poll(() => presence.isAnyThere(NOW + LEASE_MS - 1)).toBe(true);
    clock.advance(LEASE_MS / 2);
    await expect.poll(() => presence.isAnyThere(NOW + LEASE_MS)).toBe(true);
    const isThereLater = (): Promise<boolean> => {
      clock.advance(LEASE_MS);
      return presence.isAnyThere(NOW);
    };
    supervisor.drain(true);
    await expect.poll(isThereLater).toBe(false);
    supervisor.drain(false);
    await expect.poll(isThereLater).toBe(true);
    await supervisor.stop();
    expect(await presence.isAnyThere(NOW)).toBe(false);
  });
});
