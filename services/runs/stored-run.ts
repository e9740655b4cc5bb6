import type { ErrorCode } from "../../errors.ts";
import type { RunDocument, RunStatus } from "./document.ts";

/** What is stored of a run, and what is written to it. */

/**
 * The right of one daemon to host a run until a time. The token only ever grows: a stale holder is
 * fenced off.
 */
export interface Lease {
  readonly owner: string;
  readonly token: number;
  readonly expires_at: number;
}

/** An event stored for a run but not yet consumed (D5). `event` is a machine event, plain JSON. */
export interface InboxEvent {
  readonly id: string;
  readonly event: { readonly type: string; readonly [key: string]: unknown };
}

/** A mail that the run owes. `state` moves owed -> sent, or owed -> rejected. */
export interface OutboxEntry {
  readonly key: string;
  readonly kind: "run_completed" | "run_failed" | "run_cancelled";
  readonly state: "owed" | "sent" | "rejected";
  readonly attempts: number;
  /** Milliseconds; when to try (again). */
  readonly due_at: number;
  /** Milliseconds; absent of mails that an earlier release put down. */
  readonly owed_since?: number;
  readonly problem: string | null;
}

/** One line of the transition log. */
export interface TransitionEntry {
  readonly revision: number;
  readonly at: number;
  /**
   * "run", or the invoke ids that lead to the child machine: `predictionJob`,
   * `predictionJob.stopJobs`.
   */
  readonly actor: string;
  readonly event: string;
  readonly from: string;
  readonly to: string;
  /** On the first entry under a lease: the daemon that took the run up. Absent in older entries. */
  readonly host?: string;
}

/** The whole of a stored run: the public document and the private part. */
export interface RunRecord {
  readonly document: RunDocument;
  /** Persisted machine snapshot as JSON text; null until the first commit. */
  readonly snapshot: string | null;
  readonly machine: { readonly id: string; readonly version: string } | null;
  readonly revision: number;
  readonly lease: Lease | null;
  /** Milliseconds; the earliest deadline of the run. */
  readonly wake_at: number | null;
  readonly inbox: readonly InboxEvent[];
  readonly outbox: readonly OutboxEntry[];
  /**
   * Among the queued runs of one user the highest is admitted first, then the oldest; 0 unless an
   * operator set it.
   */
  readonly priority: number;
  /**
   * What of the record cannot be read, where something cannot: nobody can host the run, and the
   * document holds what can be shown.
   */
  readonly damage?: string;
  /** Present where the run was set aside. */
  readonly set_aside?: SetAside;
  /**
   * Of a claimed run: how often a process that had claimed it is known to be gone before the run
   * made a commit or kept its lease, since it last did. Absent when never.
   */
  readonly fruitless?: number;
}

/**
 * Why nobody hosts a run until somebody releases it. It holds no place among the active runs, and
 * is shown as failed.
 */
export interface SetAside {
  readonly code: ErrorCode;
  readonly message: string;
  /** Milliseconds. */
  readonly at: number;
  /** The status that it had. */
  readonly was: string | null;
}

/** A run that somebody should look at. */
export interface StuckRun {
  readonly record: RunRecord;
  /** Milliseconds; when its oldest unconsumed event was stored. */
  readonly event_since: number | null;
}

export interface RunMail {
  readonly run_id: string;
  readonly mail: OutboxEntry;
}

export interface RunCommit {
  readonly run_id: string;
  readonly expect: {
    readonly revision: number;
    readonly token: number;
    readonly status: RunStatus;
  };
  readonly document: RunDocument;
  /** JSON text; opaque to the store. */
  readonly snapshot: string;
  readonly machine: { readonly id: string; readonly version: string };
  readonly wake_at: number | null;
  /**
   * Milliseconds; from when on the run needs a host: 0 while it has work, a mail's due time, null
   * at rest.
   */
  readonly attention_at: number | null;
  /**
   * Ids of inbox events consumed by this transition: they leave the inbox in the same write and
   * stay known as consumed.
   */
  readonly consumed: readonly string[];
  readonly outbox: readonly OutboxEntry[];
  readonly history: readonly TransitionEntry[];
}

/**
 * `conflict` tells what stands in the store instead, so that a cancellation from outside is told
 * from a lost lease.
 */
export type CommitOutcome =
  | { readonly result: "committed" }
  | {
      readonly result: "conflict";
      readonly revision: number;
      readonly token: number;
      readonly status: RunStatus;
    }
  | { readonly result: "missing" }
  /** The store takes others, and not this one; `problem` ends a sentence. */
  | { readonly result: "refused"; readonly problem: string };

/** Who hosts a run, and until when it needs nobody. */
export interface RunStanding {
  readonly run_id: string;
  readonly lease: Lease | null;
  /** Milliseconds. */
  readonly wake_at: number | null;
}

/**
 * What was committed to a run since a revision. The log reaches at least up to the document's
 * revision.
 */
export interface RunChanges {
  readonly document: RunDocument;
  readonly revision: number;
  /** Its inbox holds an event. */
  readonly has_events: boolean;
  readonly history: readonly TransitionEntry[];
}

/** A costly result on record. */
export interface JournalEntry {
  readonly key: string;
  readonly value: unknown;
}
