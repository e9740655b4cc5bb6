import { describe, expect, onTestFinished, test } from "vitest";
import type { AccessStore, AccessToken, RunShare } from "../../services/access/index.ts";

const NOW = 1_800_000_000_000;
const token = (id: string, more: Partial<AccessToken> = {}): AccessToken => ({
  id,
  owner: "user@example.org",
  role: "user",
  created_at: NOW,
  expires_at: NOW + 1_000,
  revoked_at: null,
  ...more,
});
const entry = (target: string, at: number) => ({
  at,
  who: "admin@example.org",
  credential: "iap",
  from: "192.0.2.7",
  action: "run.cancel",
  target,
  outcome: "done",
});
const share = (run_id: string, user: string, more: Partial<RunShare> = {}): RunShare => ({
  run_id,
  user,
  shared_by: "ada@example.org",
  shared_at: NOW,
  ...more,
});

/**
 * What every access store keeps to. `make` gives fresh, empty storage that can be opened more than
 * once.
 */
export function accessContract(
  adapter: string,
  make: () => Promise<() => Promise<AccessStore>>,
): void {
  const openTwo = async (): Promise<readonly [AccessStore, AccessStore]> => {
    const open = await make();
    const stores = [await open(), await open()] as const;
    onTestFinished(async () => void (await Promise.all(stores.map((store) => store.close()))));
    return stores;
  };

  describe(`access: ${adapter}`, () => {
    test("a token is found by its hash only, from every store, and never gives the hash back", async () => {
      const [store, other] = await openTwo();
      await store.insertToken(token("t1"), "hash-1");
      expect(await other.findToken("hash-1")).toEqual(token("t1"));
      expect(await store.findToken("t1")).toBeUndefined();
      expect(await store.findToken("")).toBeUndefined();
      expect(JSON.stringify(await store.listTokens())).not.toContain("hash-1");
    });

    test("neither id nor hash is taken twice", async () => {
      const [store] = await openTwo();
      await store.insertToken(token("t1"), "hash-1");
      await expect(store.insertToken(token("t1", { role: "admin" }), "hash-2")).rejects.toThrow(
        /has that already|duplicate/i,
      );
      await expect(store.insertToken(token("t2", { role: "admin" }), "hash-1")).rejects.toThrow(
        /has that already|duplicate/i,
      );
      expect(await store.listTokens()).toEqual([token("t1")]);
    });

    test("a revoked token says since when; a second revocation changes nothing", async () => {
      const [store, other] = await openTwo();
      await store.insertToken(token("t1"), "hash-1");
      await store.insertToken(token("t2", { created_at: NOW + 1 }), "hash-2");
      expect(await store.revokeToken("t1", NOW + 5)).toEqual(token("t1", { revoked_at: NOW + 5 }));
      expect(await other.revokeToken("t1", NOW + 9)).toEqual(token("t1", { revoked_at: NOW + 5 }));
      expect(await other.findToken("hash-1")).toEqual(token("t1", { revoked_at: NOW + 5 }));
      expect(await other.tokensOf(["t1", "none"])).toEqual([token("t1", { revoked_at: NOW + 5 })]);
      expect(await other.tokensOf([])).toEqual([]);
      expect(await store.revokeToken("none", NOW)).toBeUndefined();
      expect((await store.listTokens()).map(({ id, revoked_at }) => [id, revoked_at])).toEqual([
        ["t2", null],
        ["t1", NOW + 5],
      ]);
    });

    test("the audit log is newest first, of one target if asked, and pages without gap or double", async () => {
      const [store, other] = await openTwo();
      for (let index = 0; index < 9; index++)
        await (index % 2 === 0 ? store : other).recordAudit(
          entry(index < 6 ? "run-a" : "run-b", NOW + Math.floor(index / 4)),
        );
      const all = await store.listAudit({});
      expect(all.map(({ at }) => at - NOW)).toEqual([2, 1, 1, 1, 1, 0, 0, 0, 0]);
      expect(new Set(all.map(({ id }) => id)).size).toBe(9);
      const paged = [];
      for (let page = await store.listAudit({ limit: 2 }); page.length > 0;) {
        paged.push(...page);
        const { at, id } = page.at(-1) ?? { at: 0, id: "" };
        page = await other.listAudit({ limit: 2, before: { at, id } });
      }
      expect(paged).toEqual(all);
      expect(await store.listAudit({ limit: 8 })).toEqual(all.slice(0, 8));
      expect(await store.listAudit({ limit: 9 })).toEqual(all);
      const oldest = all.at(-1) ?? { at: 0, id: "" };
      expect(await store.listAudit({ limit: 1, before: { at: oldest.at, id: oldest.id } })).toEqual(
        [],
      );
      const { id, ...recorded } = (await store.listAudit({ target: "run-b", limit: 1 }))[0] ?? {
        id: "",
      };
      expect(recorded).toEqual(entry("run-b", NOW + 2));
      expect(await store.listAudit({ target: "run-b", before: { at: NOW + 1, id: "" } })).toEqual(
        [],
      );
      expect(id).not.toBe("");
    });

    test("records of before a time go, and no others", async () => {
      const [store, other] = await openTwo();
      for (const at of [NOW, NOW + 1, NOW + 2]) await store.recordAudit(entry("run-a", at));
      await store.insertToken(token("t1", {}), "hash-1");
      expect(await other.forgetAudit(NOW + 1)).toBe(1);
      expect((await store.listAudit({})).map(({ at }) => at - NOW)).toEqual([2, 1]);
      expect(await store.forgetAudit(NOW + 1)).toBe(0);
      expect(await store.listTokens()).toHaveLength(1);
    });

    test("an entry of an earlier release says nothing of where it came from", async () => {
      const [store] = await openTwo();
      const { from, ...earlier } = entry("run-a", NOW);
      await store.recordAudit(earlier);
      expect(from).toBe("192.0.2.7");
      expect(await store.listAudit({})).toEqual([{ id: expect.any(String) as string, ...earlier }]);
    });

    test("entries of one moment are told in the order in which they were recorded", async () => {
      const [store] = await openTwo();
      const targets = Array.from({ length: 20 }, (_, index) => `run-${index}`);
      for (const target of targets) await store.recordAudit(entry(target, NOW));
      expect((await store.listAudit({})).map(({ target }) => target)).toEqual(targets.toReversed());
    });

    test("a run is shared once with each user, from every store, and no more when it is taken back", async () => {
      const [store, other] = await openTwo();
      await store.share(share("run-a", "bo@example.org"));
      await other.share(share("run-a", "bo@example.org", { shared_at: NOW + 9, shared_by: "x" }));
      await store.share(share("run-a", "al@example.org", { shared_at: NOW + 1 }));
      await store.share(share("run-b", "bo@example.org", { shared_at: NOW + 2 }));
      expect(await other.sharesOf("run-a")).toEqual([
        share("run-a", "al@example.org", { shared_at: NOW + 1 }),
        share("run-a", "bo@example.org"),
      ]);
      const runsOf = async (user: string, limit: number) =>
        (await other.sharedWith(user, limit)).map(({ run_id }) => run_id);
      expect(await runsOf("bo@example.org", 9)).toEqual(["run-b", "run-a"]);
      expect(await runsOf("bo@example.org", 1)).toEqual(["run-b"]);
      expect(await runsOf("nobody@example.org", 9)).toEqual([]);
      expect(await store.unshare(share("run-a", "bo@example.org"))).toBe(true);
      expect(await other.unshare(share("run-a", "bo@example.org"))).toBe(false);
      expect(await runsOf("bo@example.org", 9)).toEqual(["run-b"]);
      expect((await store.sharesOf("run-a")).map(({ user }) => user)).toEqual(["al@example.org"]);
    });

    test("of readers those are told that may read, run and user together", async () => {
      const [store, other] = await openTwo();
      await store.share(share("run-a", "al@example.org"));
      await store.share(share("run-b", "bo@example.org"));
      expect(
        await other.standingShares([
          { run_id: "run-a", user: "bo@example.org" },
          { run_id: "run-b", user: "bo@example.org" },
          { run_id: "run-b", user: "al@example.org" },
        ]),
      ).toEqual([share("run-b", "bo@example.org")]);
      expect(await other.standingShares([])).toEqual([]);
    });

    test("shares of runs and with users go together, and no others", async () => {
      const [store, other] = await openTwo();
      for (const run of ["run-a", "run-b", "run-c"])
        for (const user of ["al@example.org", "bo@example.org"])
          await store.share(share(run, user));
      await store.forgetSharesOf(["run-a", "run-z"]);
      await store.forgetSharesOf([]);
      expect(await other.sharesOf("run-a")).toEqual([]);
      expect(await other.forgetSharesWith("al@example.org")).toBe(2);
      expect(await store.forgetSharesWith("al@example.org")).toBe(0);
      expect((await other.sharedWith("bo@example.org", 9)).map(({ run_id }) => run_id)).toEqual([
        "run-c",
        "run-b",
      ]);
    });

    test("text is stored as text, whatever it looks like", async () => {
      const [store] = await openTwo();
      const owner = `'; DROP TABLE tokens; -- {"$ne": null} \u{1f9ec}`;
      await store.insertToken(token("t1", { owner }), "hash-1");
      expect((await store.findToken("hash-1"))?.owner).toBe(owner);
      expect(
        await store.findToken({ $ne: null } as unknown as string).catch(() => undefined),
      ).toBeUndefined();
    });
  });
}
