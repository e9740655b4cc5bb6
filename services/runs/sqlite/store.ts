import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { HaystackError } from "../../../errors.ts";
import { jsonText } from "../../../json-text.ts";
import { RUN_STATUSES, type RunStatus } from "../document.ts";
import { COUNTED_QUEUE, type CommitOutcome, type InboxEvent, type RunStore } from "../index.ts";
import { readEvent, readTime } from "../damage.ts";
import { storeDamaged } from "./damaged.ts";
import { parseEntries, parseLease, parseOutbox, parseRow, shownRow } from "./parse.ts";
import { startStoreThread } from "./store-thread.ts";
import { takingIn } from "./take-in.ts";

/**
 * The embedded store: one SQLite file in WAL mode, every commit on disk before it is acknowledged,
 * in a thread of its own.
 */
export async function openSqliteRuns({ file }: { readonly file: string }): Promise<RunStore> {
  await mkdir(dirname(file), { recursive: true });
  const thread = startStoreThread(file);
  const { call } = thread;
  const { takeInLeft, takeInClaimed } = takingIn(call);

  return {
    shared: {
      async get(name) {
        const row = await call("sharedGet", name);
        return row === undefined
          ? { revision: 0, value: undefined }
          : { revision: row.revision, value: JSON.parse(row.value) as unknown };
      },
      replace: (name, revision, value) =>
        call("sharedReplace", name, revision, JSON.stringify(value)),
    },
    removal: {
      ended: ({ ended_before, unpruned, limit, after }) =>
        call("ended", {
          ended_before,
          unpruned,
          limit,
          created_at: after?.created_at ?? "",
          run_id: after?.run_id ?? "",
        }),
      remove: ({ run_id, keeps_results, now }) =>
        call("removeRun", run_id, keeps_results, now, new Date(now).toISOString()),
      leftovers: async (limit) =>
        (await call("leftovers", limit)).map(({ run_id, keeps_results }) => ({
          run_id,
          keeps_results: keeps_results === 1,
        })),
      cleared: (runId) => call("cleared", runId),
    },
    async insert(document, lease) {
      const inserted = await call("insert", {
        run_id: document.run_id,
        status: document.status,
        user_email: document.user_email,
        created_at: document.created_at,
        document: JSON.stringify(document),
        lease_owner: lease?.owner ?? null,
        lease_token: lease === undefined ? 0 : 1,
        lease_expires_at: lease?.expires_at ?? null,
      });
      if (!inserted)
        throw new HaystackError(
          "RUN_EXISTS",
          `A run with the id ${document.run_id} already exists; choose another id.`,
        );
    },
    async get(runId) {
      const row = await call("get", runId);
      return row === undefined ? undefined : parseRow(row);
    },
    async list({
      status,
      user_email,
      run_ids,
      text,
      id,
      labels,
      failed_with,
      created_from,
      created_until,
      limit,
      before,
    }) {
      const rows = await call("list", {
        status: status ?? null,
        user_email: user_email ?? null,
        run_ids: run_ids === undefined ? null : JSON.stringify(run_ids),
        text: text ?? null,
        id: id ?? null,
        labels: Object.entries(labels ?? {}),
        failed_with: failed_with ?? null,
        created_from: created_from ?? null,
        created_until: created_until ?? null,
        limit: limit ?? 100,
        created_at: before?.created_at ?? null,
        run_id: before?.run_id ?? null,
      });
      return rows.map(shownRow);
    },
    async standings(runIds) {
      if (runIds.length === 0) return [];
      return (await call("standings", runIds)).map((row) => ({
        run_id: row.run_id,
        lease: parseLease(row),
        wake_at: row.wake_at,
      }));
    },
    async history(runId) {
      return (await call("history", runId)).flatMap(parseEntries);
    },
    async changes(since) {
      if (since.length === 0) return [];
      return (await call("changes", since)).map(({ has_events, history, ...row }) => ({
        document: shownRow(row),
        revision: row.revision,
        has_events: has_events === 1,
        history: history.flatMap(parseEntries),
      }));
    },
    async claim({ owner, now, lease_ms, limit, run_id, queued_of, suspects }) {
      if (run_id === undefined && queued_of === undefined) await takeInLeft(now);
      const user = queued_of === undefined ? null : (queued_of ?? "");
      const claimed = await call("claim", {
        owner,
        now,
        expires_at: now + lease_ms,
        limit,
        run_id: run_id ?? null,
        queued_of: user,
        suspects: suspects ?? null,
      });
      return takeInClaimed(claimed, now);
    },
    setAside: (runId, { token, ...why }) =>
      call("setAside", runId, token ?? null, JSON.stringify(why)),
    unsetAside: (runId) => call("unsetAside", runId),
    cancelAside: (runId) => call("cancelAside", runId),
    setAsides: async (limit) => (await call("setAsides", limit)).map(parseRow),
    raw: (runId) => call("raw", runId),
    setPriority: (runId, priority) => call("setPriority", runId, priority),
    async stuck({ before, limit }) {
      return (await call("stuck", before, limit)).map(({ event_since, ...row }) => ({
        record: parseRow(row),
        event_since,
      }));
    },
    async mails({ state, limit }) {
      const outboxes = await call("outboxesWith", state, limit);
      return outboxes.flatMap(({ run_id, outbox }) =>
        parseOutbox(outbox)
          .filter((mail) => mail.state === state)
          .map((mail) => ({ run_id, mail })),
      );
    },
    async loads(now) {
      const rows = await call("loads", now, COUNTED_QUEUE);
      return rows.map(({ user_key, queued_since, ...load }) => ({
        user_email: user_key === "" ? null : user_key,
        ...load,
        queued_since: readTime(queued_since),
      }));
    },
    async counts(now) {
      const { by_status, unhosted = 0, with_events = 0, set_aside = 0 } = await call("counts", now);
      const counted = new Map(by_status.map(({ status, runs }) => [status, runs]));
      return {
        by_status: Object.fromEntries(
          RUN_STATUSES.map((status) => [status, counted.get(status) ?? 0]),
        ) as Record<RunStatus, number>,
        unhosted,
        with_events,
        set_aside,
      };
    },
    async usedBy(userEmail, since) {
      return (
        (await call("usedBy", userEmail, since)) ?? {
          queued: 0,
          gpu_cost_usd: 0,
          gpu_reserved_usd: 0,
        }
      );
    },
    takeOver: (owner) => call("takeOver", owner),
    renew: (owner, leases, expiresAt) => call("renew", owner, leases, expiresAt),
    release: (leases) => call("release", leases),
    async commit(commits) {
      const rows = commits.map((commit) => ({
        run_id: commit.run_id,
        revision: commit.expect.revision,
        token: commit.expect.token,
        expected_status: commit.expect.status,
        status: commit.document.status,
        document: jsonText(commit.document, ["config", "structured_query", "iterations"]),
        snapshot: commit.snapshot,
        machine: JSON.stringify(commit.machine),
        outbox: JSON.stringify(commit.outbox),
        wake_at: commit.wake_at,
        attention_at: commit.attention_at,
        consumed: commit.consumed,
        history: commit.history.length === 0 ? null : JSON.stringify(commit.history),
      }));
      const outcomes = await call("commit", rows);
      return outcomes.map((stands): CommitOutcome => {
        if (stands === null) return { result: "committed" };
        return stands === undefined
          ? { result: "missing" }
          : {
              result: "conflict",
              revision: stands.revision,
              token: stands.token,
              status: stands.status as RunStatus,
            };
      });
    },
    deliver: (runId, { id, event }) =>
      call("deliver", runId, id, JSON.stringify(event), Date.now()),
    async pending(owner) {
      const { events, cancelled } = await call("pending", owner);
      const byRun = new Map<string, { run_id: string; inbox: InboxEvent[]; status: RunStatus }>();
      const entry = (run_id: string, status: string) => {
        let found = byRun.get(run_id);
        if (found === undefined)
          byRun.set(run_id, (found = { run_id, inbox: [], status: status as RunStatus }));
        return found;
      };
      for (const { run_id, status, id, event } of events) {
        const read = readEvent(id, event);
        if (read !== undefined) entry(run_id, status).inbox.push(read);
      }
      for (const { run_id, status } of cancelled) entry(run_id, status);
      return [...byRun.values()];
    },
    async journalPut(runId, key, value) {
      return JSON.parse(await call("journalPut", runId, key, JSON.stringify(value))) as unknown;
    },
    async journalGet(runId, key) {
      const value = await call("journalGet", runId, key);
      return value === undefined ? undefined : (JSON.parse(value) as unknown);
    },
    async journal(runId) {
      return (await call("journal", runId)).map(({ key, value }) => ({
        key,
        value: JSON.parse(value) as unknown,
      }));
    },
    touch: () => call("touch"),
    async check() {
      const problem = await call("faults");
      if (problem !== null) throw storeDamaged(file, problem);
    },
    close: () => thread.close(),
  };
}
