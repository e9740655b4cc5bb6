import { HaystackError } from "../../errors.ts";
import { readDocument, shownAside } from "../../services/runs/damage.ts";
import { RUN_STATUSES, type RunDocument, type RunStatus } from "../../services/runs/document.ts";
import {
  COUNTED_QUEUE,
  type ClaimRequest,
  type CommitOutcome,
  type InboxEvent,
  type OutboxEntry,
  type RunCommit,
  type RunFilter,
  type RunRecord,
  type RunRemoval,
  type RunStore,
  type SetAside,
  type TransitionEntry,
  type UserLoad,
} from "../../services/runs/index.ts";
import { memoryShared } from "./memory-shared.ts";

/**
 * The run store's port over plain memory: the whole contract, no latency, no faults. For
 * simulation.
 */

interface StoredRun {
  document: RunDocument;
  snapshot: string | null;
  machine: RunRecord["machine"];
  revision: number;
  token: number;
  owner: string | null;
  expires_at: number;
  wake_at: number | null;
  attention_at: number | null;
  changedOutside: boolean;
  inbox: InboxEvent[];
  readonly consumed: Set<string>;
  outbox: readonly OutboxEntry[];
  readonly history: TransitionEntry[];
  priority: number;
  /** Since when its inbox has held an event. */
  waitingSince: number | null;
  takingUp: boolean;
  takeUps: number;
  aside: SetAside | null;
  /** What another program has made of the record since the last commit. */
  damage: RecordDamage | null;
  /** Of the snapshot, before that. */
  intact: string | null;
}

/** Of the record's snapshot the text, or fields of its document, or that it can grow no more. */
export type RecordDamage =
  | { readonly part: "snapshot"; readonly text: string }
  | { readonly part: "document"; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly part: "writes" };

export interface MemoryRuns {
  /** A further store on the same storage. */
  open(): RunStore;
  /** What another program does to a run: it writes the status and nothing else. */
  setStatus(runId: string, status: RunStatus): void;
  /** Another program damages a stored run; false when there is none of that id. */
  damage(runId: string, damage: RecordDamage): boolean;
  /** What was damaged, and no commit has overwritten since, is as before. */
  repair(runId: string): void;
  /** What stands, read at once. */
  peek(runId: string): RunRecord | undefined;
  /** True when the event is stored for the run, consumed or not. */
  holds(runId: string, eventId: string): boolean;
}

export interface MemoryRunsOptions {
  /**
   * Told of every commit that took effect, with the record that it replaced and the one that stands
   * now.
   */
  /** Whether the process of that name is gone; a store knows it of daemons by their presence. */
  readonly isGone?: (owner: string) => boolean;
  readonly onCommitted?: (commit: RunCommit, before: RunRecord, after: RunRecord) => void;
}

const ENDED: ReadonlySet<RunStatus> = new Set(["completed", "failed", "cancelled"]);

const newestFirst = (a: RunDocument, b: RunDocument): number =>
  a.created_at < b.created_at || (a.created_at === b.created_at && a.run_id < b.run_id) ? 1 : -1;

export function memoryRuns({
  onCommitted,
  isGone = () => true,
}: MemoryRunsOptions = {}): MemoryRuns {
  const runs = new Map<string, StoredRun>();
  const journal = new Map<string, string>();

  /** As it can be shown, and what of it cannot be read. */
  const readable = ({ document, damage }: StoredRun): Pick<RunRecord, "document" | "damage"> => {
    if (damage?.part !== "document") return { document };
    const read = readDocument({ ...document, ...damage.fields }, document.run_id);
    return { document: read.document, ...(read.damage === null ? {} : { damage: read.damage }) };
  };

  const recordOf = (run: StoredRun): RunRecord => ({
    ...readable(run),
    ...(run.aside === null ? {} : { document: shownAside(readable(run).document, run.aside) }),
    snapshot: run.snapshot,
    machine: run.machine,
    revision: run.revision,
    lease:
      run.owner === null
        ? null
        : { owner: run.owner, token: run.token, expires_at: run.expires_at },
    wake_at: run.wake_at,
    inbox: [...run.inbox],
    outbox: run.outbox,
    priority: run.priority,
    ...(run.aside === null ? {} : { set_aside: run.aside }),
  });
  const leaseEnd = (run: StoredRun): number => (run.owner === null ? 0 : run.expires_at);
  const attention = (run: StoredRun, otherwise: number | null): number | null =>
    run.inbox.length > 0 ? 0 : otherwise;
  const claimAt = (run: StoredRun): number =>
    run.attention_at === null || run.aside !== null
      ? Number.POSITIVE_INFINITY
      : Math.max(run.attention_at, leaseEnd(run));
  const held = (runId: string, token: number): StoredRun | undefined => {
    const run = runs.get(runId);
    return run?.token === token ? run : undefined;
  };
  const freeRun = (run: StoredRun): void => {
    run.owner = null;
    run.expires_at = 0;
  };

  const countEnded = (run: StoredRun, claimer: string): void => {
    if (!run.takingUp || run.owner === null || run.owner === claimer) return;
    run.takingUp = false;
    if (isGone(run.owner)) run.takeUps += 1;
  };

  const due = ({ now, run_id, queued_of, suspects }: ClaimRequest): StoredRun[] => {
    const all = [...runs.values()].filter(
      ({ aside, takeUps }) =>
        aside === null && (suspects === undefined || takeUps > 0 === suspects),
    );
    if (run_id !== undefined)
      return all.filter((run) => run.document.run_id === run_id && leaseEnd(run) <= now);
    if (queued_of === undefined) {
      const free = all
        .filter((run) => claimAt(run) <= now)
        .toSorted(
          (a, b) => (suspects === true ? a.takeUps - b.takeUps : 0) || claimAt(a) - claimAt(b),
        );
      const withEvents = free.filter(({ inbox }) => inbox.length > 0);
      return withEvents.length > 0 ? withEvents : free;
    }
    const queued = all.filter(
      ({ document }) => document.status === "pending" && document.user_email === queued_of,
    );
    return queued
      .filter((run) => leaseEnd(run) <= now)
      .toSorted((a, b) => b.priority - a.priority || -newestFirst(a.document, b.document));
  };

  const commitOne = (commit: RunCommit): CommitOutcome => {
    const run = runs.get(commit.run_id);
    if (run === undefined) return { result: "missing" };
    const stands = { revision: run.revision, token: run.token, status: run.document.status };
    const { expect } = commit;
    if (
      expect.revision !== stands.revision ||
      expect.token !== stands.token ||
      expect.status !== stands.status
    )
      return { result: "conflict", ...stands };
    const before = recordOf(run);
    run.revision += 1;
    run.document = commit.document;
    run.snapshot = commit.snapshot;
    run.damage = null;
    run.machine = commit.machine;
    run.wake_at = commit.wake_at;
    run.outbox = commit.outbox;
    run.inbox = run.inbox.filter(({ id }) => !commit.consumed.includes(id));
    for (const id of commit.consumed) run.consumed.add(id);
    if (run.inbox.length === 0) run.waitingSince = null;
    run.attention_at = attention(run, commit.attention_at);
    run.changedOutside = false;
    run.takingUp = false;
    run.takeUps = 0;
    run.history.push(...commit.history);
    onCommitted?.(commit, before, recordOf(run));
    return { result: "committed" };
  };

  const loadOf = (user: string | null, now: number): UserLoad => {
    const own = [...runs.values()].filter(({ document }) => document.user_email === user);
    const pending = own.filter(({ document }) => document.status === "pending");
    const queued = pending.filter((run) => leaseEnd(run) <= now);
    return {
      user_email: user,
      active:
        own.filter(({ document }) => document.status === "running").length +
        pending.length -
        queued.length,
      queued: Math.min(queued.length, COUNTED_QUEUE),
      queued_since: queued.map(({ document }) => document.created_at).toSorted()[0] ?? null,
    };
  };

  const left = new Map<string, boolean>();
  const removal: RunRemoval = {
    async ended({ ended_before, unpruned, limit, after }) {
      return [...runs.values()]
        .map(({ document }) => document)
        .filter(
          (document) =>
            ENDED.has(document.status) &&
            (document.completed_at ?? document.updated_at) < ended_before &&
            !(unpruned && document.pruned_at !== undefined) &&
            (after === undefined ||
              `${document.created_at} ${document.run_id}` > `${after.created_at} ${after.run_id}`),
        )
        .toSorted((a, b) => newestFirst(b, a))
        .slice(0, limit)
        .map(({ run_id, user_email, status, created_at }) => ({
          run_id,
          user_email,
          status,
          created_at,
        }));
    },
    async remove({ run_id, keeps_results, now }) {
      const run = runs.get(run_id);
      if (run === undefined) return "unknown_run";
      const isAtRest =
        ENDED.has(run.document.status) && run.attention_at === null && leaseEnd(run) <= now;
      if (!isAtRest) return "busy";
      left.set(run_id, keeps_results);
      for (const name of journal.keys())
        if ((JSON.parse(name) as string[])[0] === run_id) journal.delete(name);
      if (keeps_results) run.document = { ...run.document, pruned_at: new Date(now).toISOString() };
      else runs.delete(run_id);
      return "removed";
    },
    leftovers: async (limit) =>
      [...left].slice(0, limit).map(([run_id, keeps_results]) => ({ run_id, keeps_results })),
    cleared: async (runId) => void left.delete(runId),
  };

  const store: RunStore = {
    removal,
    shared: memoryShared(),
    async insert(document, lease) {
      if (runs.has(document.run_id))
        throw new HaystackError(
          "RUN_EXISTS",
          `A run with the id ${document.run_id} already exists; choose another id.`,
        );
      runs.set(document.run_id, {
        document,
        snapshot: null,
        machine: null,
        revision: 0,
        wake_at: null,
        attention_at: null,
        changedOutside: false,
        inbox: [],
        consumed: new Set(),
        outbox: [],
        history: [],
        priority: 0,
        waitingSince: null,
        takingUp: false,
        takeUps: 0,
        aside: null,
        damage: null,
        intact: null,
        token: lease === undefined ? 0 : 1,
        owner: lease?.owner ?? null,
        expires_at: lease?.expires_at ?? 0,
      });
    },
    async get(runId) {
      const run = runs.get(runId);
      return run === undefined ? undefined : recordOf(run);
    },
    async standings(runIds) {
      return runIds.flatMap((run_id) => {
        const run = runs.get(run_id);
        if (run === undefined) return [];
        const { lease, wake_at } = recordOf(run);
        return [{ run_id, lease, wake_at }];
      });
    },
    async list({
      status,
      user_email,
      run_ids,
      text,
      id,
      labels = {},
      failed_with,
      created_from,
      created_until,
      limit,
      before,
    }: RunFilter) {
      const matches = (document: RunDocument): boolean =>
        (status === undefined || document.status === status) &&
        (user_email === undefined || document.user_email === user_email) &&
        (run_ids === undefined || run_ids.includes(document.run_id)) &&
        (text === undefined ||
          [document.query, document.name ?? ""].some((words) =>
            words.toLowerCase().includes(text.toLowerCase()),
          )) &&
        (id === undefined || document.run_id.startsWith(id)) &&
        Object.entries(labels).every(([key, value]) => document.labels?.[key] === value) &&
        (failed_with === undefined ||
          (document.status === "failed" && document.error?.code === failed_with)) &&
        (created_from === undefined || document.created_at >= created_from) &&
        (created_until === undefined || document.created_at < created_until) &&
        (before === undefined ||
          document.created_at < before.created_at ||
          (document.created_at === before.created_at && document.run_id < before.run_id));
      return [...runs.values()]
        .map(({ document }) => document)
        .filter(matches)
        .toSorted(newestFirst)
        .slice(0, limit ?? 100);
    },
    history: async (runId) => [...(runs.get(runId)?.history ?? [])],
    async changes(since) {
      return since.flatMap(({ run_id, revision }) => {
        const run = runs.get(run_id);
        if (run === undefined || run.revision <= revision) return [];
        return [
          {
            document: run.document,
            revision: run.revision,
            has_events: run.inbox.length > 0,
            history: run.history.filter((entry) => entry.revision > revision),
          },
        ];
      });
    },
    async claim(request) {
      return due(request)
        .slice(0, request.limit)
        .map((run) => {
          countEnded(run, request.owner);
          run.owner = request.owner;
          run.takingUp = true;
          run.token += 1;
          run.expires_at = request.now + request.lease_ms;
          const fruitless = run.takeUps;
          return { ...recordOf(run), ...(fruitless > 0 ? { fruitless } : {}) };
        });
    },
    async setAside(runId, { token, ...why }) {
      const run = runs.get(runId);
      if (run === undefined || run.aside !== null) return false;
      if (token !== undefined && run.token !== token) return false;
      const was = run.document.status;
      run.aside = { ...why, was };
      run.token += 1;
      run.revision += 1;
      run.attention_at = null;
      run.takeUps = 0;
      if (was === "pending" || was === "running")
        run.document = { ...run.document, status: "failed" };
      freeRun(run);
      return true;
    },
    async unsetAside(runId) {
      const run = runs.get(runId);
      if (run?.aside == null) return false;
      const status = run.document.status === "failed" ? run.aside.was : run.document.status;
      run.document = { ...run.document, status: status as RunStatus };
      run.attention_at = status === "pending" ? null : 0;
      run.revision += 1;
      run.aside = null;
      return true;
    },
    async cancelAside(runId) {
      const run = runs.get(runId);
      if (run?.aside == null || run.document.status === "completed") return false;
      run.document = { ...run.document, status: "cancelled" };
      run.revision += 1;
      return true;
    },
    touch: async () => undefined,
    setAsides: async (limit) =>
      [...runs.values()]
        .filter(({ aside }) => aside !== null)
        .map(recordOf)
        .slice(0, limit),
    raw: async (runId) => runs.get(runId),
    async setPriority(runId, priority) {
      const run = runs.get(runId);
      if (run !== undefined) run.priority = priority;
      return run !== undefined;
    },
    async stuck({ before, limit }) {
      const found = [...runs.values()].filter(
        (run) =>
          claimAt(run) <= before ||
          (run.document.status === "cancelled" && run.attention_at !== null) ||
          run.aside !== null ||
          (run.waitingSince ?? Number.POSITIVE_INFINITY) <= before ||
          run.outbox.some(({ state }) => state === "rejected"),
      );
      return found
        .slice(0, limit)
        .map((run) => ({ record: recordOf(run), event_since: run.waitingSince }));
    },
    async mails({ state, limit }) {
      return [...runs.values()]
        .flatMap(({ document, outbox }) =>
          outbox
            .filter((mail) => mail.state === state)
            .map((mail) => ({ run_id: document.run_id, mail })),
        )
        .slice(0, limit);
    },
    async loads(now) {
      const users = new Set(
        [...runs.values()]
          .filter(({ document: { status } }) => status === "pending" || status === "running")
          .map(({ document }) => document.user_email),
      );
      return [...users].map((user) => loadOf(user, now));
    },
    async usedBy(user, since) {
      const own = [...runs.values()]
        .map(({ document }) => document)
        .filter(({ user_email }) => user_email === user);
      const late = own.filter(({ created_at }) => created_at >= since);
      return {
        queued: own.filter(({ status }) => status === "pending").length,
        gpu_cost_usd: late.reduce((total, { usage }) => total + usage.gpu_cost_usd, 0),
        gpu_reserved_usd: late
          .filter(({ status }) => status === "running")
          .reduce((total, { usage }) => total + (usage.gpu_reserved_usd ?? 0), 0),
      };
    },
    async counts(now) {
      const all = [...runs.values()];
      const by_status = Object.fromEntries(
        RUN_STATUSES.map((status) => [
          status,
          all.filter(({ document }) => document.status === status).length,
        ]),
      ) as Record<RunStatus, number>;
      return {
        by_status,
        unhosted: all.filter((run) => run.document.status === "running" && leaseEnd(run) <= now)
          .length,
        with_events: all.filter(({ inbox }) => inbox.length > 0).length,
        set_aside: all.filter(({ aside }) => aside !== null).length,
      };
    },
    async takeOver(owner) {
      for (const run of runs.values())
        if (run.owner === owner) {
          countEnded(run, "");
          freeRun(run);
        }
    },
    async renew(owner, leases, expiresAt) {
      return leases.flatMap(({ run_id, token }) => {
        const run = held(run_id, token);
        if (run?.owner !== owner) return [];
        run.expires_at = expiresAt;
        run.takingUp = false;
        run.takeUps = 0;
        return [run_id];
      });
    },
    async release(leases) {
      for (const { run_id, token, attention_at } of leases) {
        const run = held(run_id, token);
        if (run === undefined) continue;
        freeRun(run);
        run.takingUp = false;
        run.takeUps = 0;
        if (attention_at !== undefined)
          run.attention_at = attention(run, run.changedOutside ? 0 : attention_at);
      }
    },
    async commit(commits) {
      const refused = commits.find(({ run_id }) => runs.get(run_id)?.damage?.part === "writes");
      if (refused !== undefined)
        throw new HaystackError("INTERNAL", `The store refuses the write of ${refused.run_id}.`);
      return commits.map(commitOne);
    },
    async deliver(runId, event) {
      const run = runs.get(runId);
      if (run === undefined) return "unknown_run";
      if (run.consumed.has(event.id) || run.inbox.some(({ id }) => id === event.id))
        return "duplicate";
      run.inbox.push(event);
      run.waitingSince ??= Date.now();
      if (run.aside === null) run.attention_at = 0;
      return "stored";
    },
    async pending(owner) {
      const waiting = [...runs.values()].filter(
        (run) =>
          run.owner === owner &&
          (run.inbox.length > 0 || (run.changedOutside && run.document.status === "cancelled")),
      );
      return waiting.map(({ document, inbox }) => ({
        run_id: document.run_id,
        inbox: [...inbox],
        status: document.status,
      }));
    },
    async journalPut(runId, key, value) {
      const name = JSON.stringify([runId, key]);
      if (!journal.has(name)) journal.set(name, JSON.stringify(value));
      return JSON.parse(journal.get(name) ?? "null") as unknown;
    },
    async journalGet(runId, key) {
      const value = journal.get(JSON.stringify([runId, key]));
      return value === undefined ? undefined : (JSON.parse(value) as unknown);
    },
    async journal(runId) {
      return [...journal]
        .map(([name, value]) => [...(JSON.parse(name) as [string, string]), value] as const)
        .filter(([id]) => id === runId)
        .map(([, key, value]) => ({ key, value: JSON.parse(value) as unknown }))
        .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    },
    close: () => Promise.resolve(),
  };

  return {
    open: () => ({ ...store }),
    setStatus(runId, status) {
      const run = runs.get(runId);
      if (run === undefined || run.document.status === status) return;
      run.document = { ...run.document, status };
      run.attention_at = 0;
      run.changedOutside = true;
    },
    damage(runId, damage) {
      const run = runs.get(runId);
      if (run === undefined || run.damage !== null) return run !== undefined;
      run.damage = damage;
      run.intact = run.snapshot;
      if (damage.part === "snapshot") run.snapshot = damage.text;
      return true;
    },
    repair(runId) {
      const run = runs.get(runId);
      if (run?.damage == null) return;
      if (run.damage.part === "snapshot") run.snapshot = run.intact;
      run.damage = null;
    },
    peek(runId) {
      const run = runs.get(runId);
      return run === undefined ? undefined : recordOf(run);
    },
    holds(runId, eventId) {
      const run = runs.get(runId);
      return (
        run !== undefined &&
        (run.consumed.has(eventId) || run.inbox.some(({ id }) => id === eventId))
      );
    },
  };
}
