import { runDocumentSchema, type RunDocument, type RunStatus } from "../document.ts";
import type { InboxEvent, OutboxEntry, RunRecord, TransitionEntry } from "../index.ts";
import { completeOutsideRun } from "./outside.ts";

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
}

export interface StoredRun extends RunDocument, StoredState {
  readonly _id: string;
}

const PUBLIC_FIELDS = Object.keys(runDocumentSchema.shape) as (keyof RunDocument)[];

export const publicProjection = Object.fromEntries(PUBLIC_FIELDS.map((field) => [field, 1]));

export const isOutside = (stored: Pick<StoredState, "revision">): boolean =>
  (stored.revision as number | undefined) === undefined;

/** The public part; a run that another program inserted gets its defaults. */
export function toDocument(stored: StoredRun): RunDocument {
  if (isOutside(stored)) return completeOutsideRun({ ...stored }, Date.now());
  return Object.fromEntries(
    PUBLIC_FIELDS.filter((field) => stored[field] !== undefined).map((field) => [
      field,
      stored[field],
    ]),
  ) as RunDocument;
}

export const toInbox = (stored: Pick<StoredState, "inbox">): InboxEvent[] =>
  (stored.inbox ?? []).map(({ id, event }) => ({
    id,
    event: JSON.parse(event) as InboxEvent["event"],
  }));

/** Nobody hosts a run that another program has just inserted. */
export function standingOf(
  stored: Pick<StoredState, "revision" | "lease" | "wake_at">,
): Pick<RunRecord, "lease" | "wake_at"> {
  if (isOutside(stored)) return { lease: null, wake_at: null };
  const { owner, token, expires_at } = stored.lease;
  return {
    lease: owner === null ? null : { owner, token, expires_at },
    wake_at: stored.wake_at,
  };
}

export function toRecord(stored: StoredRun): RunRecord {
  const document = toDocument(stored);
  if (isOutside(stored))
    return {
      document,
      snapshot: null,
      machine: null,
      revision: 0,
      lease: null,
      wake_at: null,
      inbox: toInbox(stored),
      outbox: [],
      priority: 0,
    };
  return {
    document,
    snapshot: stored.snapshot,
    machine: stored.machine,
    revision: stored.revision,
    ...standingOf(stored),
    inbox: toInbox(stored),
    outbox: stored.outbox,
    priority: stored.priority ?? 0,
  };
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
