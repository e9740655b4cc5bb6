import { runDocumentSchema, wasRefused, type RunDocument, type RunStatus } from "../document.ts";
import type { InboxEvent, OutboxEntry, RunRecord, SetAside, TransitionEntry } from "../index.ts";
import {
  isEntry,
  readDocument,
  readEvent,
  readPrivate,
  readSetAside,
  shownAside,
  shownId,
} from "../damage.ts";
import { shownOutside } from "../outside.ts";

/** The server gives an operation up after this; the client a little later. */
export const OPERATION_MS = 10_000;
export const LIMITED = { maxTimeMS: OPERATION_MS };

/**
 * A transition in the tail of a run: `commit` is the revision its commit was made on, `place` its
 * place in that commit.
 */
export interface TailEntry extends TransitionEntry {
  readonly commit: number;
  readonly place: number;
}

/** What a run document holds beside the public fields; MongoDB fields of the same names. */
export interface StoredState {
  /** The text that the commit gave. */
  readonly snapshot: string | null;
  readonly machine: RunRecord["machine"];
  readonly revision: number;
  /**
   * Never absent from a run of ours, so that an absent one marks a run that another program
   * inserted. `claim` names the last taking.
   */
  readonly lease: {
    readonly owner: string | null;
    readonly token: number;
    readonly expires_at: number;
    readonly claim: string | null;
  };
  readonly wake_at: number | null;
  readonly attention_at: number | null;
  /**
   * `status` as of the last commit: another program has changed the status where the two differ.
   */
  readonly committed_status: RunStatus;
  /** Names the last commit, to recognise it when a group of commits succeeds in part. */
  readonly commit_id: string | null;
  readonly outbox: readonly OutboxEntry[];
  /** Absent from runs of earlier versions. */
  readonly priority?: number;
  readonly inbox?: readonly { readonly id: string; readonly event: string; readonly at?: number }[];
  /** Ids of the latest consumed events, at most 1,000. */
  readonly consumed?: readonly string[];
  /** The latest transitions; older ones are in the archive. */
  readonly history?: readonly TailEntry[];
  /**
   * 1: it was claimed, and has neither made a commit nor kept its lease. Absent from runs of earlier
   * versions, as the next.
   */
  readonly taking_up?: number;
  /** How often the process that had it so is gone. */
  readonly take_ups?: number;
  readonly set_aside?: SetAside | null;
}

export interface StoredRun extends RunDocument, StoredState {
  readonly _id: string;
}

const PUBLIC_FIELDS = Object.keys(runDocumentSchema.shape) as (keyof RunDocument)[];

export const publicProjection = Object.fromEntries(PUBLIC_FIELDS.map((field) => [field, 1]));

/** Another program inserted it, and no daemon has taken it in. */
export const isOutside = ({ revision }: { readonly revision?: unknown }): boolean =>
  revision === undefined || revision === null;

type Raw = Readonly<Record<string, unknown>>;

const publicOf = (stored: Raw): Raw =>
  Object.fromEntries(
    PUBLIC_FIELDS.filter((field) => stored[field] !== undefined).map((field) => [
      field,
      stored[field],
    ]),
  );

const isObject = (value: unknown): value is Raw =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const listOf = (value: unknown): readonly Raw[] =>
  Array.isArray(value) ? (value as unknown[]).filter(isObject) : [];

const asideOf = ({ set_aside }: Raw) =>
  set_aside === undefined || set_aside === null ? undefined : readSetAside(set_aside);

const shown = (document: RunDocument, stored: Raw): RunDocument => {
  const aside = asideOf(stored);
  return aside === undefined ? document : shownAside(document, aside);
};

/** The public part; a run that another program inserted gets its defaults. */
export function toDocument(stored: StoredRun): RunDocument {
  const raw: Raw = { ...stored };
  const document = isOutside(stored)
    ? shownOutside(raw, Date.now())
    : readDocument(publicOf(raw), shownId(raw["run_id"], raw["_id"])).document;
  return shown(document, raw);
}

export const toInbox = (stored: { readonly inbox?: unknown }): InboxEvent[] =>
  listOf(stored.inbox).flatMap(({ id, event }) => readEvent(id, event) ?? []);

/** When the oldest event of the inbox was stored; null when there is none. Milliseconds. */
export function waitingSince(stored: { readonly inbox?: unknown }): number | null {
  const times = listOf(stored.inbox).map(({ at }) => (Number.isInteger(at) ? (at as number) : 0));
  return times.length === 0 ? null : Math.min(...times);
}

/** The entries of a tail; what is none is left out. */
export const toTail = (history: unknown): readonly TailEntry[] =>
  listOf(history).filter(
    (entry) =>
      Number.isInteger(entry["commit"]) && Number.isInteger(entry["place"]) && isEntry(entry),
  ) as unknown as readonly TailEntry[];

const leaseOf = (lease: unknown): unknown =>
  isObject(lease) && lease["owner"] !== null && lease["owner"] !== undefined
    ? { owner: lease["owner"], token: lease["token"], expires_at: lease["expires_at"] }
    : isObject(lease)
      ? null
      : lease;

const privateOf = (stored: Raw) =>
  readPrivate({
    snapshot: stored["snapshot"],
    machine: stored["machine"],
    revision: stored["revision"],
    lease: leaseOf(stored["lease"]),
    wake_at: stored["wake_at"],
    outbox: stored["outbox"],
    priority: stored["priority"] ?? 0,
  });

/** Nobody hosts a run that another program has just inserted. */
export function standingOf(stored: {
  readonly revision?: unknown;
  readonly lease?: unknown;
  readonly wake_at?: unknown;
}): Pick<RunRecord, "lease" | "wake_at"> {
  if (isOutside(stored)) return { lease: null, wake_at: null };
  const { lease, wake_at } = privateOf({
    snapshot: null,
    machine: null,
    outbox: [],
    ...stored,
  }).part;
  return { lease, wake_at };
}

interface WholeRun {
  readonly record: RunRecord;
  /** The document as it is stored. */
  readonly kept: RunDocument;
}

function readWhole(stored: StoredRun): WholeRun {
  const raw: Raw = { ...stored };
  const inbox = toInbox(stored);
  const aside = asideOf(raw);
  const marks = aside === undefined ? {} : { set_aside: aside };
  if (isOutside(stored)) {
    const document = toDocument(stored);
    return {
      kept: document,
      record: { ...NO_COMMIT, document, inbox, ...marks },
    };
  }
  const { document, kept, damage } = readDocument(
    publicOf(raw),
    shownId(raw["run_id"], raw["_id"]),
  );
  const isRefused = wasRefused({ ...kept, snapshot: raw["snapshot"] });
  const { part, damage: inPart } = privateOf(raw);
  const isInbox = raw["inbox"] === undefined || Array.isArray(raw["inbox"]);
  const hasOthers =
    !isInbox || inbox.length < ((raw["inbox"] as readonly unknown[] | undefined) ?? []).length;
  const problems = [
    isRefused ? null : damage,
    inPart,
    hasOthers ? "an event of its inbox is none" : null,
  ].filter((problem) => problem !== null);
  return {
    kept: isRefused ? (publicOf(raw) as unknown as RunDocument) : kept,
    record: {
      document: shown(document, raw),
      ...part,
      inbox,
      ...(problems.length === 0 ? {} : { damage: problems.join("; ") }),
      ...marks,
    },
  };
}

const NO_COMMIT = {
  snapshot: null,
  machine: null,
  revision: 0,
  lease: null,
  wake_at: null,
  outbox: [],
  priority: 0,
};

export const toRecord = (stored: StoredRun): RunRecord => readWhole(stored).record;

/** As it is stored, for who hosts it. */
export function toHostable(stored: StoredRun): RunRecord {
  const { record, kept } = readWhole(stored);
  const fruitless = stored.take_ups ?? 0;
  return { ...record, document: kept, ...(fruitless > 0 ? { fruitless } : {}) };
}

/** The private part of a run that has had no commit yet. */
export function firstState(
  document: RunDocument,
  lease: { readonly owner: string; readonly expires_at: number } | undefined,
): StoredState {
  return {
    snapshot: null,
    machine: null,
    revision: 0,
    lease: {
      owner: lease?.owner ?? null,
      token: lease === undefined ? 0 : 1,
      expires_at: lease?.expires_at ?? 0,
      claim: null,
    },
    wake_at: null,
    attention_at: null,
    committed_status: document.status,
    commit_id: null,
    outbox: [],
    priority: 0,
  };
}
