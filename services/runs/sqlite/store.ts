import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { HaystackError } from "../../../errors.ts";
import { systemWords } from "../../../system-words.ts";
import { jsonText } from "../../../json-text.ts";
import { ownProgram } from "../../../own-files.ts";
import { RUN_STATUSES, type RunDocument, type RunStatus } from "../document.ts";
import {
  COUNTED_QUEUE,
  type CommitOutcome,
  type InboxEvent,
  type Lease,
  type OutboxEntry,
  type RunRecord,
  type RunStore,
  type TransitionEntry,
} from "../index.ts";
import type { Answer } from "./answer.ts";
import type { SqliteOperations } from "./operations.ts";
import type { RunRow } from "./rows.ts";

type Operation = Exclude<keyof SqliteOperations, "inOneTransaction" | "emptyLog" | "changedRows">;
type Pending = { resolve(value: unknown): void; reject(error: Error): void };

const parseDocument = (row: {
  readonly document: string;
  readonly status: string;
}): RunDocument => ({
  ...(JSON.parse(row.document) as RunDocument),
  status: row.status as RunStatus,
});

const parseInbox = (row: { readonly id: string; readonly event: string }): InboxEvent => ({
  id: row.id,
  event: JSON.parse(row.event) as InboxEvent["event"],
});

const parseLease = (
  row: Pick<RunRow, "lease_owner" | "lease_token" | "lease_expires_at">,
): Lease | null =>
  row.lease_owner === null || row.lease_expires_at === null
    ? null
    : { owner: row.lease_owner, token: row.lease_token, expires_at: row.lease_expires_at };

const parseRow = (row: RunRow): RunRecord => ({
  document: parseDocument(row),
  snapshot: row.snapshot,
  machine: row.machine === null ? null : (JSON.parse(row.machine) as RunRecord["machine"]),
  revision: row.revision,
  lease: parseLease(row),
  wake_at: row.wake_at,
  inbox: row.inbox.map(parseInbox),
  outbox: JSON.parse(row.outbox) as OutboxEntry[],
  priority: row.priority,
});

/**
 * The embedded store: one SQLite file in WAL mode, every commit on disk before it is acknowledged,
 * in a thread of its own.
 */
export async function openSqliteRuns({ file }: { readonly file: string }): Promise<RunStore> {
  await mkdir(dirname(file), { recursive: true });
  const worker = new Worker(ownProgram("services/runs/sqlite/thread.ts"), { workerData: { file } });
  worker.unref();
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let broken: Error | undefined;
  const unusable = (problem: string, cause: Error): HaystackError =>
    new HaystackError(
      "STORE_UNAVAILABLE",
      `The run store ${file} cannot be used (${problem}); check the file and its folder.`,
      { cause },
    );
  const breakDown = (error: Error): void => {
    broken ??= unusable(systemWords(error) ?? "its thread has ended", error);
    for (const { reject } of pending.values()) reject(broken);
    pending.clear();
  };
  worker.on("error", breakDown);
  worker.on("exit", () => breakDown(new Error("The thread of the run store has ended.")));
  worker.on("message", (answers: readonly (Answer & { readonly id: number })[]) => {
    for (const { id, ...answer } of answers) {
      const request = pending.get(id);
      pending.delete(id);
      if (answer.problem === undefined) request?.resolve(answer.value);
      else request?.reject(unusable(answer.problem, new Error(answer.text)));
    }
    if (pending.size === 0) worker.unref();
  });

  const call = <Name extends Operation>(
    name: Name,
    ...args: Parameters<SqliteOperations[Name]>
  ): Promise<ReturnType<SqliteOperations[Name]>> =>
    new Promise((resolve, reject) => {
      if (broken !== undefined) return reject(broken);
      const id = ++lastId;
      if (pending.size === 0) worker.ref();
      pending.set(id, { resolve, reject });
      worker.postMessage({ id, name, args });
    });

  return {
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
      return rows.map(parseDocument);
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
      return (await call("history", runId)).flatMap(
        (entry) => JSON.parse(entry) as TransitionEntry[],
      );
    },
    async changes(since) {
      if (since.length === 0) return [];
      return (await call("changes", since)).map(({ has_events, history, ...row }) => ({
        document: parseDocument(row),
        revision: row.revision,
        has_events: has_events === 1,
        history: history.flatMap((entry) => JSON.parse(entry) as TransitionEntry[]),
      }));
    },
    async claim({ owner, now, lease_ms, limit, run_id, queued_of }) {
      const user = queued_of === undefined ? null : (queued_of ?? "");
      return (
        await call("claim", {
          owner,
          now,
          expires_at: now + lease_ms,
          limit,
          run_id: run_id ?? null,
          queued_of: user,
        })
      ).map(parseRow);
    },
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
        (JSON.parse(outbox) as OutboxEntry[])
          .filter((mail) => mail.state === state)
          .map((mail) => ({ run_id, mail })),
      );
    },
    async loads(now) {
      const rows = await call("loads", now, COUNTED_QUEUE);
      return rows.map(({ user_key, ...load }) => ({
        user_email: user_key === "" ? null : user_key,
        ...load,
      }));
    },
    async counts(now) {
      const { by_status, unhosted = 0, with_events = 0 } = await call("counts", now);
      const counted = new Map(by_status.map(({ status, runs }) => [status, runs]));
      return {
        by_status: Object.fromEntries(
          RUN_STATUSES.map((status) => [status, counted.get(status) ?? 0]),
        ) as Record<RunStatus, number>,
        unhosted,
        with_events,
      };
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
      for (const { run_id, status, ...row } of events)
        entry(run_id, status).inbox.push(parseInbox(row));
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
    async close() {
      if (broken === undefined) await call("close");
      await worker.terminate();
    },
  };
}
