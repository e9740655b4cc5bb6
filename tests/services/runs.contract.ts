import { describe, expect, onTestFinished, test } from "vitest";
import type { RunChanges, RunFilter, TransitionEntry } from "../../services/runs/index.ts";
import { newRun, type RunDocument } from "../../services/runs/document.ts";
import {
  cancelEvent,
  ids,
  insertLeased,
  leased,
  LEASE_MS,
  NOW,
  onceCommitted,
  raceRounds,
  sampleCommit,
  sampleRun,
  USER,
  withoutCompare,
  type OpenSeveral,
  type RunsStorage,
} from "./runs-fixtures.ts";
import { administrationContract } from "./runs-administration.contract.ts";
import { removalContract } from "./runs-removal.contract.ts";
import { inboxContract } from "./runs-inbox.contract.ts";
import { leasesContract } from "./runs-leases.contract.ts";

/** What every run store keeps to. `make` gives fresh, empty storage. */
export function runsContract(adapter: string, make: () => Promise<RunsStorage>): void {
  const openSeveral: OpenSeveral = async (count) => {
    const storage = await make();
    const store = await storage.open();
    const others = await Promise.all(Array.from({ length: count - 1 }, () => storage.open()));
    const stores = [store, ...others];
    onTestFinished(async () => void (await Promise.all(stores.map((each) => each.close()))));
    return { stores, storage, store };
  };
  const open = () => openSeveral(1);

  describe(`runs: ${adapter}`, () => {
    describe("documents", () => {
      test("a run is inserted once and read back whole", async () => {
        const { store } = await open();
        const document = sampleRun("run-a");
        await store.insert(document, leased);
        expect(await store.get("run-a")).toEqual({
          document,
          snapshot: null,
          machine: null,
          revision: 0,
          lease: { ...leased, token: 1 },
          wake_at: null,
          inbox: [],
          outbox: [],
          priority: 0,
        });
        await expect(store.insert(sampleRun("run-a", { query: "other" }))).rejects.toMatchObject({
          code: "RUN_EXISTS",
        });
        expect((await store.get("run-a"))?.document).toEqual(document);
        expect(await store.get("run-b")).toBeUndefined();
      });

      test("an address in capital letters names the same user: the run is in the list and counts for the limits", async () => {
        const { store } = await open();
        for (const [run_id, user_email] of [
          ["run-a", "Ada@Example.ORG"],
          ["run-b", USER],
        ] as const) {
          await store.insert(
            newRun({
              run_id,
              query: "How would B cells respond to IFN-beta?",
              user_email,
              config: {},
              random_seed: 7,
              now: NOW,
            }),
          );
        }
        expect((await store.list({ user_email: USER })).map(({ run_id }) => run_id)).toEqual([
          "run-b",
          "run-a",
        ]);
        expect(await store.loads(NOW)).toStrictEqual([
          { user_email: USER, active: 0, queued: 2, queued_since: new Date(NOW).toISOString() },
        ]);
      });

      test("one of many inserting the same run succeeds", async () => {
        const { stores } = await openSeveral(4);
        const attempts = await Promise.allSettled(
          stores.map((store) => store.insert(sampleRun("run-a"))),
        );
        expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      });

      test("lists are newest first, filtered, and page without gap or double", async () => {
        const { store } = await open();
        for (const [index, id] of ids(12).entries()) {
          const created_at = new Date(NOW + Math.floor(index / 3) * 1_000).toISOString();
          await store.insert(
            sampleRun(id, {
              created_at,
              status: index % 2 === 0 ? "completed" : "failed",
              user_email: index < 6 ? USER : null,
            }),
          );
        }
        const newestFirst = ids(12).toReversed();
        expect((await store.list({})).map(({ run_id }) => run_id)).toEqual(newestFirst);
        const failed = await store.list({ status: "failed", user_email: USER });
        expect(failed.map(({ run_id }) => run_id)).toEqual(["run-0005", "run-0003", "run-0001"]);
        const paged: string[] = [];
        for (let page = await store.list({ limit: 4 }); page.length > 0;) {
          paged.push(...page.map(({ run_id }) => run_id));
          const { created_at, run_id } = page.at(-1) ?? sampleRun("none");
          await store.insert(
            sampleRun(`later-${run_id}`, { created_at: new Date(NOW + 60_000).toISOString() }),
          );
          page = await store.list({ limit: 4, before: { created_at, run_id } });
        }
        expect(paged).toEqual(newestFirst);
      });

      test("a list is as long as asked for and no longer; behind the last run there is none", async () => {
        const { store } = await open();
        for (const [index, id] of ids(3).entries())
          await store.insert(
            sampleRun(id, { created_at: new Date(NOW + index * 1_000).toISOString() }),
          );
        const listed = async (filter: RunFilter): Promise<string[]> =>
          (await store.list(filter)).map(({ run_id }) => run_id);
        const newestFirst = ids(3).toReversed();
        expect(await listed({ limit: 2 })).toEqual(newestFirst.slice(0, 2));
        expect(await listed({ limit: 3 })).toEqual(newestFirst);
        expect(await listed({ limit: 4 })).toEqual(newestFirst);
        const [first = sampleRun("none")] = (await store.list({})).slice(-1);
        const { created_at, run_id } = first;
        expect(await listed({ limit: 1, before: { created_at, run_id } })).toEqual([]);
      });

      test("lists are filtered by words of the question, taken literally", async () => {
        const { store } = await open();
        const questions = [
          "B cells and IFN-beta?",
          "T cells (CD4+) under 50% serum",
          "b_cells? .* and [x]",
          "TGF-\u03b2 on fibroblasts",
        ];
        for (const [index, query] of questions.entries())
          await store.insert(
            sampleRun(`run-${index}`, { query, user_email: index === 2 ? null : USER }),
          );
        const found = async (text: string) =>
          (await store.list({ text })).map(({ run_id }) => run_id).toSorted();
        expect(await found("b CELLS")).toEqual(["run-0"]);
        expect(await found("cells")).toEqual(["run-0", "run-1", "run-2"]);
        expect(await found("(cd4+)")).toEqual(["run-1"]);
        expect(await found("50%")).toEqual(["run-1"]);
        expect(await found("b_c")).toEqual(["run-2"]);
        expect(await found(".* and [")).toEqual(["run-2"]);
        expect(await found("tgf-\u03b2")).toEqual(["run-3"]);
        expect(await found("\\")).toEqual([]);
        expect(
          (await store.list({ text: "cells", user_email: USER, limit: 1 })).map(
            ({ query }) => query,
          ),
        ).toHaveLength(1);
      });

      test("lists are filtered by the error that runs failed with", async () => {
        const { store } = await open();
        const failed = (code: "DISK_FULL" | "INTERNAL"): Partial<RunDocument> => ({
          status: "failed",
          error: { code, message: "It failed.", retryable: true, phase: "evaluation" },
        });
        await store.insert(sampleRun("run-1", failed("DISK_FULL")));
        await store.insert(sampleRun("run-2", failed("INTERNAL")));
        await store.insert(sampleRun("run-3"));
        const found = async (filter: RunFilter) =>
          (await store.list(filter)).map(({ run_id }) => run_id);
        expect(await found({ failed_with: "DISK_FULL" })).toEqual(["run-1"]);
        expect(await found({ failed_with: "TOO_MANY_FILES" })).toEqual([]);
      });

      test("lists are of the runs that are named, with every other filter", async () => {
        const { store } = await open();
        for (const id of ["run-1", "run-2", "run-3"])
          await store.insert(
            sampleRun(id, { created_at: new Date(NOW + Number(id.slice(-1))).toISOString() }),
          );
        const found = async (filter: RunFilter) =>
          (await store.list(filter)).map(({ run_id }) => run_id);
        const run_ids = ["run-1", "run-3", "run-9"];
        expect(await found({ run_ids })).toEqual(["run-3", "run-1"]);
        expect(await found({ run_ids, id: "run-3" })).toEqual(["run-3"]);
        expect(await found({ run_ids, text: "no such words" })).toEqual([]);
        expect(await found({ run_ids, limit: 1 })).toEqual(["run-3"]);
        const [last] = await store.list({ run_ids, limit: 1 });
        expect(await found({ run_ids, before: last! })).toEqual(["run-1"]);
        expect(await found({ run_ids: [] })).toEqual([]);
      });

      test("lists are filtered by the beginning of an id, by name, labels and age", async () => {
        const { store } = await open();
        const at = (second: number): string => new Date(NOW + second * 1_000).toISOString();
        await store.insert(sampleRun("run-a1", { created_at: at(1), name: "Dose series (1)" }));
        await store.insert(
          sampleRun("run-a2", { created_at: at(2), labels: { project: "x", plate: "1" } }),
        );
        await store.insert(sampleRun("run-b1", { created_at: at(3), labels: { project: "x" } }));
        const found = async (filter: RunFilter) =>
          (await store.list(filter)).map(({ run_id }) => run_id);
        expect(await found({ id: "run-a" })).toEqual(["run-a2", "run-a1"]);
        expect(await found({ id: "run-." })).toEqual([]);
        expect(await found({ id: "run-b1" })).toEqual(["run-b1"]);
        expect(await found({ text: "series (1" })).toEqual(["run-a1"]);
        expect(await found({ labels: { project: "x" } })).toEqual(["run-b1", "run-a2"]);
        expect(await found({ labels: { project: "x", plate: "1" } })).toEqual(["run-a2"]);
        expect(await found({ labels: { project: "y" } })).toEqual([]);
        expect(await found({ created_from: at(2) })).toEqual(["run-b1", "run-a2"]);
        expect(await found({ created_until: at(2) })).toEqual(["run-a1"]);
        expect(await found({ created_from: at(2), created_until: at(3), id: "run-" })).toEqual([
          "run-a2",
        ]);
        const before = { created_at: at(2), run_id: "run-a2" };
        expect(await found({ before, created_from: at(0), text: "series" })).toEqual(["run-a1"]);
        expect((await store.get("run-a2"))?.document).toMatchObject({
          labels: { project: "x", plate: "1" },
        });
      });

      test("who hosts runs, of those that there are", async () => {
        const { store } = await open();
        await store.insert(sampleRun("run-a"), leased);
        await store.insert(sampleRun("run-b"));
        expect(await store.standings(["run-a", "run-b", "run-c"])).toEqual([
          { run_id: "run-a", lease: { ...leased, token: 1 }, wake_at: null },
          { run_id: "run-b", lease: null, wake_at: null },
        ]);
      });

      test("everything survives reopening", async () => {
        const storage = await make();
        const first = await storage.open();
        await first.insert(sampleRun("run-a"), leased);
        await first.deliver("run-a", cancelEvent("e1"));
        await first.deliver("run-a", cancelEvent("e2"));
        await first.commit([sampleCommit("run-a", { consumed: ["e1"], wake_at: NOW + 5 })]);
        await first.journalPut("run-a", "analyze", { tokens: 3 });
        const [record, history] = [await first.get("run-a"), await first.history("run-a")];
        await first.close();
        const second = await storage.open();
        onTestFinished(() => second.close());
        expect(await second.get("run-a")).toEqual(record);
        expect(await second.history("run-a")).toEqual(history);
        expect(await second.journalGet("run-a", "analyze")).toEqual({ tokens: 3 });
        expect(await second.deliver("run-a", cancelEvent("e1"))).toBe("duplicate");
      });
    });

    describe("commit (D1, D3)", () => {
      test("a commit on what stands changes all parts together", async () => {
        const { store } = await open();
        await store.insert(sampleRun("run-a"), leased);
        const outbox = [
          {
            key: "run-a/run_failed",
            kind: "run_failed" as const,
            state: "owed" as const,
            attempts: 0,
            due_at: NOW,
            problem: null,
          },
        ];
        const commit = sampleCommit("run-a", {
          document: sampleRun("run-a", { status: "running", current_phase: "query_analysis" }),
          wake_at: NOW + 9,
          outbox,
        });
        expect(await store.commit([commit])).toEqual([{ result: "committed" }]);
        expect(await store.get("run-a")).toEqual({
          document: commit.document,
          snapshot: commit.snapshot,
          machine: commit.machine,
          revision: 1,
          lease: { ...leased, token: 1 },
          wake_at: NOW + 9,
          inbox: [],
          outbox,
          priority: 0,
        });
      });

      test("another revision, token or status is a conflict that tells what stands, and changes nothing", async () => {
        const { store } = await open();
        await store.insert(sampleRun("run-a"), leased);
        await store.deliver("run-a", cancelEvent("e1"));
        await store.commit([sampleCommit("run-a")]);
        const before = await store.get("run-a");
        const stands = { result: "conflict", revision: 1, token: 1, status: "pending" };
        const expectations = [
          { revision: 0, token: 1, status: "pending" as const },
          { revision: 2, token: 1, status: "pending" as const },
          { revision: 1, token: 0, status: "pending" as const },
          { revision: 1, token: 2, status: "pending" as const },
          { revision: 1, token: 1, status: "running" as const },
        ];
        for (const expectation of expectations) {
          const commit = sampleCommit("run-a", {
            expect: expectation,
            document: sampleRun("run-a", { status: "failed" }),
            consumed: ["e1"],
          });
          expect(await store.commit([commit])).toEqual([stands]);
        }
        expect(await store.get("run-a")).toEqual(before);
        expect(await store.history("run-a")).toHaveLength(1);
        expect(await store.deliver("run-a", cancelEvent("e1"))).toBe("duplicate");
      });

      test("in a group each commit has its own outcome", async () => {
        const { store } = await open();
        await Promise.all(
          ["run-a", "run-b", "run-c"].map((id) => store.insert(sampleRun(id), leased)),
        );
        await store.commit([sampleCommit("run-b")]);
        const outcomes = await store.commit([
          sampleCommit("run-a"),
          sampleCommit("run-b"),
          sampleCommit("run-none"),
          sampleCommit("run-c"),
        ]);
        expect(outcomes).toEqual([
          { result: "committed" },
          { result: "conflict", revision: 1, token: 1, status: "pending" },
          { result: "missing" },
          { result: "committed" },
        ]);
        expect(
          await Promise.all(
            ["run-a", "run-b", "run-c"].map(async (id) => (await store.get(id))?.revision),
          ),
        ).toEqual([1, 1, 1]);
        expect(await store.commit([])).toEqual([]);
      });

      test("the log holds every committed transition in order, however many there are", async () => {
        const { store, storage } = await open();
        await store.insert(sampleRun("run-a"), leased);
        const expected: TransitionEntry[] = [];
        for (let revision = 0; revision < 150; revision++) {
          const entry = {
            revision: revision + 1,
            at: NOW + revision,
            actor: "run",
            event: `event.${revision}`,
            from: "a",
            to: "b",
          };
          const history = [entry, { ...entry, actor: "prediction" }].slice(0, revision % 3);
          const commit = sampleCommit("run-a", {
            expect: { revision, token: 1, status: "pending" },
            history,
          });
          expect(
            await store.commit([
              commit,
              { ...commit, history: [{ ...entry, event: "uncommitted" }] },
            ]),
          ).toStrictEqual([
            { result: "committed" },
            { result: "conflict", revision: revision + 1, token: 1, status: "pending" },
          ]);
          expected.push(...history);
        }
        expect(await store.history("run-a")).toEqual(expected);
        const other = await storage.open();
        onTestFinished(() => other.close());
        expect(await other.history("run-a")).toEqual(expected);
      });
    });

    test("counts tell how the runs stand", async () => {
      const { store } = await open();
      const none = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
      expect(await store.counts(NOW)).toEqual({
        by_status: none,
        unhosted: 0,
        with_events: 0,
        set_aside: 0,
      });
      for (const id of ["run-a", "run-b"])
        await store.insert(
          sampleRun(id, { status: "running", current_phase: "inference" }),
          leased,
        );
      for (const id of ["run-c", "run-d"]) await store.insert(sampleRun(id));
      await store.insert(sampleRun("run-e", { status: "completed" }));
      await store.release([{ run_id: "run-a", token: 1, attention_at: null }]);
      await store.deliver("run-a", cancelEvent("e1"));
      await store.deliver("run-a", cancelEvent("e2"));
      const by_status = { ...none, pending: 2, running: 2, completed: 1 };
      expect(await store.counts(NOW)).toEqual({
        by_status,
        unhosted: 1,
        with_events: 1,
        set_aside: 0,
      });
      expect(await store.counts(NOW + LEASE_MS)).toEqual({
        by_status,
        unhosted: 2,
        with_events: 1,
        set_aside: 0,
      });
    });

    describe("changes", () => {
      const see = ({ document, ...rest }: RunChanges) => ({ run_id: document.run_id, ...rest });

      test("only runs beyond the known revision answer, with what was committed since", async () => {
        const { store } = await open();
        await Promise.all(["run-a", "run-b"].map((id) => store.insert(sampleRun(id), leased)));
        await store.deliver("run-b", cancelEvent("e1"));
        expect(await store.changes([])).toEqual([]);
        expect(
          await store.changes([
            { run_id: "run-a", revision: 0 },
            { run_id: "run-none", revision: -1 },
          ]),
        ).toEqual([]);
        const first = await store.changes([
          { run_id: "run-a", revision: -1 },
          { run_id: "run-b", revision: -1 },
        ]);
        expect(first.map(see).toSorted((a, b) => a.run_id.localeCompare(b.run_id))).toEqual([
          { run_id: "run-a", revision: 0, has_events: false, history: [] },
          { run_id: "run-b", revision: 0, has_events: true, history: [] },
        ]);
        const commit = sampleCommit("run-b", {
          consumed: ["e1"],
          document: sampleRun("run-b", { status: "running", current_phase: "query_analysis" }),
        });
        await store.commit([commit]);
        expect(
          await store.changes([
            { run_id: "run-a", revision: 0 },
            { run_id: "run-b", revision: 0 },
          ]),
        ).toEqual([
          { document: commit.document, revision: 1, has_events: false, history: commit.history },
        ]);
        await store.commit([
          { ...commit, expect: { revision: 1, token: 1, status: "running" }, history: [] },
        ]);
        expect((await store.changes([{ run_id: "run-b", revision: 1 }])).map(see)).toEqual([
          { run_id: "run-b", revision: 2, has_events: false, history: [] },
        ]);
      });

      test("from any revision the rest of the log is whole, however long it is", async () => {
        const { store } = await open();
        await store.insert(sampleRun("run-a"), leased);
        const entries: TransitionEntry[] = [];
        for (let revision = 0; revision < 150; revision++) {
          const entry = {
            revision: revision + 1,
            at: NOW,
            actor: "run",
            event: `event.${revision}`,
            from: "a",
            to: "b",
          };
          const history = [entry, { ...entry, actor: "prediction" }].slice(0, revision % 3);
          await store.commit([
            sampleCommit("run-a", { expect: { revision, token: 1, status: "pending" }, history }),
          ]);
          entries.push(...history);
          const [news] = await store.changes([{ run_id: "run-a", revision }]);
          expect(news).toStrictEqual({
            document: sampleRun("run-a"),
            revision: revision + 1,
            has_events: false,
            history,
          });
        }
        for (let since = -1; since < 150; since += 7) {
          const [news] = await store.changes([{ run_id: "run-a", revision: since }]);
          expect(news?.history).toEqual(entries.filter(({ revision }) => revision > since));
        }
      });
    });

    inboxContract(openSeveral);
    leasesContract(openSeveral);
    administrationContract(openSeveral);
    removalContract(openSeveral);

    describe("journal (D7)", () => {
      test("the first write of a key stands", async () => {
        const { stores } = await openSeveral(8);
        const values = await Promise.all(
          stores.map((store, writer) =>
            store.journalPut("run-a", "analyze/1", { writer, "a.b": null }),
          ),
        );
        expect(new Set(values.map((value) => JSON.stringify(value))).size).toBe(1);
        expect(await stores[0]?.journalGet("run-a", "analyze/1")).toEqual(values[0]);
        expect(await stores[0]?.journalPut("run-a", "analyze/2", "other")).toBe("other");
        expect(await stores[0]?.journalGet("run-b", "analyze/1")).toBeUndefined();
      });

      test("of eight that saw the same note one replaces it, and nobody what came in between", async () => {
        const { stores } = await openSeveral(8);
        const [first] = stores;
        expect(await first?.shared.get("money")).toEqual({ revision: 0, value: undefined });
        for (let revision = 0; revision < 5; revision += 1) {
          const done = await Promise.all(
            stores.map((store, writer) =>
              store.shared.replace("money", revision, { writer, "a.$b": [null] }),
            ),
          );
          expect(done.filter(Boolean)).toHaveLength(1);
          expect(await first?.shared.get("money")).toEqual({
            revision: revision + 1,
            value: { writer: done.indexOf(true), "a.$b": [null] },
          });
        }
        expect(await first?.shared.replace("money", 0, "late")).toBe(false);
        expect(await first?.shared.replace("money", 9, "early")).toBe(false);
        expect(await first?.shared.replace("other", 1, "early")).toBe(false);
        expect(await first?.shared.get("other")).toEqual({ revision: 0, value: undefined });
      });

      test("all that is on record for a run is told by key, and nothing of another", async () => {
        const { store } = await openSeveral(1);
        for (const runId of ["run", 'run"', "run-1", "run,", 'run","a'])
          for (const key of ["b/2", "a/1", 'a","x'])
            await store.journalPut(runId, key, { of: [runId, key] });
        for (const runId of ["run", 'run"', "run-1", "run,", 'run","a'])
          expect(await store.journal(runId)).toEqual(
            ['a","x', "a/1", "b/2"].map((key) => ({ key, value: { of: [runId, key] } })),
          );
        expect(await store.journal("ru")).toEqual([]);
      });
    });

    describe("races", () => {
      test(
        "eight writers race one compare-and-set 1,000 times: one winner each time",
        { timeout: 600_000 },
        async () => {
          const { stores } = await openSeveral(8);
          expect(await raceRounds(stores, 1_000)).toEqual([]);
          expect(await stores[0]?.history("contested")).toHaveLength(1_000);
        },
      );

      test("the race sees it when a store does not compare", async () => {
        const { stores } = await openSeveral(8);
        expect(await raceRounds(stores.map(withoutCompare), 20)).toEqual(
          Array(20).fill(stores.length),
        );
      });

      test(
        "four writers each commit the same 1,000 runs in one group: each run has one winner",
        { timeout: 600_000 },
        async () => {
          const { stores, store: first } = await openSeveral(4);
          await insertLeased(first, ids(1_000));
          const groups = await Promise.all(
            stores.map((store, writer) =>
              store.commit(ids(1_000).map((id) => sampleCommit(id, { snapshot: String(writer) }))),
            ),
          );
          for (const [index, id] of ids(1_000).entries()) {
            const winners = groups.flatMap((outcomes, writer) =>
              outcomes[index]?.result === "committed" ? [writer] : [],
            );
            expect(winners).toHaveLength(1);
            expect(await first.get(id)).toStrictEqual({
              ...onceCommitted(id),
              snapshot: String(winners[0]),
            });
          }
        },
      );
    });
  });
}
